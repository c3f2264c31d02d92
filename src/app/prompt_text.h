#pragma once
// Where a command's text comes from: -p, -f or standard input.
#include <string>

#include "app/arguments.h"

namespace paceline {

std::string prompt_text(const Arguments& arguments);

// What the words of `run` mean. With -m all are the prompt; without it the first one is the model when it is one word with a slash, ends in
// .gguf or names a file. No model: the default one.
struct RunWords {
  std::string model, prompt;
};
RunWords run_words(const Arguments& arguments);

// -m or the positional MODEL, or what stands for it in `run`; `run`, `bench` and `serve` have a default.
std::string model_name(const Arguments& arguments);

}  // namespace paceline

#pragma once
// Where a command's text comes from: -p, -f or standard input.
#include <optional>
#include <string>

#include "app/arguments.h"

namespace paceline {

// Byte for byte.
std::string prompt_text(const Arguments& arguments);
// For `run`: -p, or the words and behind them what -f names, else what is piped in, without line breaks at their ends. With -p standard input
// is left alone: it may be a loop's that runs us.
std::string question_text(const Arguments& arguments);
bool gives_question(const Arguments& arguments);

// What the words of `run` mean. With -m all are the prompt; without it the first one is the model when it is one word with a slash, ends in
// .gguf or names a file. No model: the default one.
struct RunWords {
  std::string model;
  std::optional<std::string> prompt;
};
RunWords run_words(const Arguments& arguments);

// -m or the positional MODEL, or what stands for it in `run`; `run`, `bench` and `serve` have a default.
std::string model_name(const Arguments& arguments);

}  // namespace paceline

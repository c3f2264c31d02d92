#pragma once
// Writes answers in OpenAI's forms: whole objects, or chunks as server-sent events.
#include <vector>

#include "serve/job.h"

namespace paceline::openai {

struct WriterOptions {
  bool chat = true;  // chat.completion, or text_completion
  bool stream = false;
  bool include_usage = false;
  bool timings_per_token = false, return_progress = false, show_passes = false;
  bool echo = false;
  std::vector<std::string> prompts;  // for echo
  std::string model;
};

std::unique_ptr<AnswerWriter> make_writer(WriterOptions options);

}  // namespace paceline::openai

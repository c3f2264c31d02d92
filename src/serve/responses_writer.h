#pragma once
// Writes answers in the forms of OpenAI's Responses API: a response with its output items, or events that open, fill and close them.
#include "serve/job.h"

namespace paceline::responses {

struct WriterOptions {
  std::string model;
  bool stream = false;
  Json settings = Json::object();  // of the request, which the response repeats
};

std::unique_ptr<AnswerWriter> make_writer(WriterOptions options);

}  // namespace paceline::responses

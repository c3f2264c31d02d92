#pragma once
// Writes answers in Anthropic's forms: a message, or events that open, fill and close its content blocks.
#include "serve/job.h"

namespace paceline::anthropic {

std::unique_ptr<AnswerWriter> make_writer(std::string model, bool stream);

}  // namespace paceline::anthropic

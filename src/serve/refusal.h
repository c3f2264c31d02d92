#pragma once
// Errors as answers: what a handler throws, dressed in the form of its API.
#include <functional>
#include <memory>

#include "serve/api_error.h"
#include "serve/http/message.h"

namespace paceline {

using ErrorBody = std::string (*)(const ApiError& error);

void respond_error(http::Exchange& exchange, ErrorBody body, const ApiError& error);
// Runs the action; if it throws, that is the answer.
void answer_errors(http::Exchange& exchange, ErrorBody body, const std::function<void()>& action);

}  // namespace paceline

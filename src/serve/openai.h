#pragma once
// OpenAI's API: /v1/chat/completions, /v1/completions, /v1/models.
#include "serve/api_error.h"
#include "serve/http/message.h"
#include "serve/service.h"

namespace paceline::openai {

void chat_completions(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);
void completions(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);
void models(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);

// {"error": {"message", "type", "param", "code"}}
std::string error_body(const ApiError& error);

}  // namespace paceline::openai

#pragma once
// Anthropic's Messages API: /v1/messages (whole or streamed in blocks, tools, thinking) and /v1/messages/count_tokens.
#include "serve/api_error.h"
#include "serve/http/message.h"
#include "serve/service.h"

namespace paceline::anthropic {

void messages(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);
void count_tokens(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);

// {"type": "error", "error": {"type", "message"}}
std::string error_body(const ApiError& error);

}  // namespace paceline::anthropic

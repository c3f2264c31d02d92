#pragma once
// Anthropic's Messages API: /v1/messages (whole or streamed in blocks, tools, thinking) and /v1/messages/count_tokens.
#include "serve/http/message.h"
#include "serve/service.h"

namespace paceline::anthropic {

void messages(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);
void count_tokens(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);

// {"type": "error", "error": {"type", "message"}}
std::string error_body(int status, std::string_view message, std::string_view parameter);

}  // namespace paceline::anthropic

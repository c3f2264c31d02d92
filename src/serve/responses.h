#pragma once
// OpenAI's Responses API: POST /v1/responses, whole or streamed. No response is kept: a request brings its whole conversation.
#include "serve/http/message.h"
#include "serve/service.h"

namespace paceline::responses {

void create(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);

}  // namespace paceline::responses

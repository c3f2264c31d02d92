#pragma once
// Ollama's API: /api/generate, /api/chat, /api/tags, /api/show, /api/ps, /api/version. Streams are lines of JSON, durations nanoseconds.
#include "serve/api_error.h"
#include "serve/http/message.h"
#include "serve/service.h"

namespace paceline::ollama {

void generate(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);
void chat(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);
void tags(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);
void show(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);
void running(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);
void version(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);
void greeting(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);

// {"error": message}
std::string error_body(const ApiError& error);

}  // namespace paceline::ollama

#pragma once
// The endpoints of llama.cpp's server that its clients and dashboards use.
#include "serve/api_error.h"
#include "serve/http/message.h"
#include "serve/service.h"

namespace paceline::llamacpp {

void health(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);
void props(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);
void slots(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);
void tokenize(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);
void detokenize(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);
void apply_template(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);
void completion(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);

// {"error": {"code", "message", "type"}}
std::string error_body(const ApiError& error);

}  // namespace paceline::llamacpp

#pragma once
// /v1/streams/{id}: GET re-attaches to a resumable answer, DELETE stops and forgets it.
#include "serve/service.h"

namespace paceline::streams {

void attach(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);
void remove(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);

}  // namespace paceline::streams

#pragma once
// The chat page at `/`. It is made from web/ when the program is built and lies in the binary as one compressed file; a program built
// without Node carries web/plain.html instead, which says so (cmake/page.cmake).
#include "serve/http/message.h"
#include "serve/service.h"

namespace paceline::page {

// Whether this program carries the page itself.
bool is_built();
// Browsers get the page; others, Ollama's clients among them, the greeting they ask this address for.
void root(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange);

}  // namespace paceline::page

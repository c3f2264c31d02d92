#include "serve/refusal.h"

namespace paceline {

void respond_error(http::Exchange& exchange, ErrorBody body, const ApiError& error) {
  http::Response response{.status = error.status(), .body = body(error)};
  if (error.retry_after_seconds() > 0) response.headers.emplace_back("Retry-After", cat(error.retry_after_seconds()));
  if (error.status() == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  exchange.respond(std::move(response));
}

void answer_errors(http::Exchange& exchange, ErrorBody body, const std::function<void()>& action) {
  try {
    action();
  } catch (const ApiError& error) {
    respond_error(exchange, body, error);
  } catch (const std::bad_alloc&) {
    respond_error(exchange, body, ApiError(503, "out of memory for this request", "", 1));
  } catch (const std::exception& error) {
    respond_error(exchange, body, ApiError(500, error.what()));
  }
}

}  // namespace paceline

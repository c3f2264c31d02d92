#include "serve/cross_origin.h"

#include <algorithm>

namespace paceline {

bool CrossOrigin::allows(std::string_view origin) const {
  return !origin.empty() && std::any_of(origins_.begin(), origins_.end(), [&](const std::string& allowed) {
    return allowed == "*" || allowed == origin;
  });
}

http::Headers CrossOrigin::headers(const http::Request& request) const {
  const std::string_view origin = request.header("origin");
  if (!allows(origin)) return {};
  return {{"Access-Control-Allow-Origin", std::string(origin)},
          {"Access-Control-Expose-Headers", "X-Request-Id, X-Stream-Id, Retry-After"},
          {"Vary", "Origin"}};
}

bool CrossOrigin::is_preflight(const http::Request& request) const {
  return request.method == "OPTIONS" && !request.header("access-control-request-method").empty() &&
         allows(request.header("origin"));
}

// Whatever headers a client of the APIs has in mind: none of them is a secret of ours, and a star would not cover Authorization.
http::Response CrossOrigin::preflight_answer(const http::Request& request) {
  http::Headers headers = {{"Access-Control-Allow-Methods", "GET, POST, DELETE"}, {"Access-Control-Max-Age", "600"}};
  if (const std::string_view asked = request.header("access-control-request-headers"); !asked.empty())
    headers.emplace_back("Access-Control-Allow-Headers", std::string(asked));
  return {.content_type = "", .headers = std::move(headers)};
}

}  // namespace paceline

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

http::Response CrossOrigin::preflight_answer() {
  return {.content_type = "",
          .headers = {{"Access-Control-Allow-Methods", "GET, POST, DELETE"},
                      // What the clients of the APIs send; a star would not cover Authorization.
                      {"Access-Control-Allow-Headers",
                       "Authorization, Content-Type, X-Api-Key, Last-Event-ID, Anthropic-Version, Anthropic-Beta, "
                       "Anthropic-Dangerous-Direct-Browser-Access, X-Stainless-Arch, X-Stainless-Helper-Method, "
                       "X-Stainless-Lang, X-Stainless-OS, X-Stainless-Package-Version, X-Stainless-Retry-Count, "
                       "X-Stainless-Runtime, X-Stainless-Runtime-Version, X-Stainless-Timeout"},
                      {"Access-Control-Max-Age", "600"}}};
}

}  // namespace paceline

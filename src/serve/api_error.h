#pragma once
// A request that cannot be served: the HTTP status and what to tell the client. Each API dresses it in its own form.
#include <optional>
#include <string>

#include "base/error.h"

namespace paceline {

class ApiError : public Error {
 public:
  ApiError(int status, const std::string& message, std::string parameter = "", int retry_after_seconds = 0)
      : Error(message), status_(status), parameter_(std::move(parameter)), retry_after_(retry_after_seconds) {}
  int status() const { return status_; }
  const std::string& parameter() const { return parameter_; }  // the field at fault, if one is
  int retry_after_seconds() const { return retry_after_; }  // 0: do not say

  // Clients shorten a conversation when they are told in their API's words that it was too long.
  struct TooLong {
    int tokens, context;  // of the prompt; it must be fewer
  };
  static ApiError too_long(TooLong sizes) {
    ApiError error(400,
                   cat("the prompt has ", sizes.tokens, " tokens, expected fewer than the maximum context length of ",
                       sizes.context, " tokens (-c)"));
    error.too_long_ = sizes;
    return error;
  }
  const std::optional<TooLong>& prompt_too_long() const { return too_long_; }

 private:
  int status_;
  std::string parameter_;
  int retry_after_;
  std::optional<TooLong> too_long_;
};

// bad_field("temperature", "expected 0 to 100, got ", value)
template <class... Parts>
[[noreturn]] void bad_field(std::string_view field, const Parts&... parts) {
  throw ApiError(400, cat(field, ": ", parts...), std::string(field));
}

}  // namespace paceline

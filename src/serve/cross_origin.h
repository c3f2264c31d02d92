#pragma once
// CORS: which web pages of other origins a browser lets read answers. None, unless they are named.
#include <string>
#include <vector>

#include "serve/http/message.h"

namespace paceline {

class CrossOrigin {
 public:
  // Such as "https://chat.example.org"; "*" allows all.
  explicit CrossOrigin(std::vector<std::string> origins) : origins_(std::move(origins)) {}

  // For the answer to a request; empty where it comes from no page, or from one that is not allowed.
  http::Headers headers(const http::Request& request) const;
  // A browser that asks whether it may send what it has in mind; it sends no key with that.
  bool is_preflight(const http::Request& request) const;
  static http::Response preflight_answer(const http::Request& request);

 private:
  bool allows(std::string_view origin) const;

  std::vector<std::string> origins_;
};

}  // namespace paceline

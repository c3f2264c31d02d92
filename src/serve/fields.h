#pragma once
// Typed reading of a request's JSON object. A field that is absent or null is "not given"; one of the wrong kind or out of range is an
// ApiError 400 that says what was expected.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace paceline {

class Fields {
 public:
  explicit Fields(const Json& object, std::string where = "") : object_(object), where_(std::move(where)) {}

  const Json* find(std::string_view name) const;  // null when absent or null
  bool has(std::string_view name) const { return find(name) != nullptr; }
  std::optional<bool> boolean(std::string_view name) const;
  std::optional<double> number(std::string_view name, double lowest, double highest) const;
  std::optional<int64_t> integer(std::string_view name, int64_t lowest, int64_t highest) const;
  // The same, but what is above `highest` counts as `highest`.
  std::optional<int64_t> integer_up_to(std::string_view name, int64_t lowest, int64_t highest) const;
  std::optional<std::string> text(std::string_view name) const;
  std::string required_text(std::string_view name) const;
  const Json* object(std::string_view name) const;
  const Json* array(std::string_view name) const;
  // A string or an array of at most `most` strings.
  std::vector<std::string> texts(std::string_view name, size_t most) const;
  std::string path(std::string_view name) const {
    return where_.empty() ? std::string(name) : where_ + "." + std::string(name);
  }

 private:
  const Json& object_;
  std::string where_;
};

// The body as a JSON object; ApiError 400 otherwise.
Json parse_body(std::string_view body);

}  // namespace paceline

#include "serve/fields.h"

#include <cmath>
#include <limits>

#include "serve/api_error.h"

namespace paceline {

namespace {

constexpr int kMostDepth = 64;

int64_t whole_number(const Json& value, const std::string& path) {
  if (!value.is_number()) bad_field(path, "expected a whole number, got ", std::string(value.kind()));
  const double number = value.as_number();
  if (number >= 9e18) return std::numeric_limits<int64_t>::max();
  if (number <= -9e18) return std::numeric_limits<int64_t>::min();
  if (number != std::trunc(number)) bad_field(path, "expected a whole number, got ", value.dump());
  return value.as_integer();
}

}  // namespace

Json parse_body(std::string_view body) {
  if (body.empty()) throw ApiError(400, "the body is empty, expected a JSON object");
  try {
    Json parsed = Json::parse(body, "body", {.depth = kMostDepth, .bytes = size_t{256} << 20});
    if (!parsed.is_object()) throw ApiError(400, cat("the body is ", parsed.kind(), ", expected a JSON object"));
    return parsed;
  } catch (const ApiError&) {
    throw;
  } catch (const Error& error) {
    throw ApiError(400, error.what());
  }
}

const Json* Fields::find(std::string_view name) const {
  const Json* value = object_.find(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::optional<bool> Fields::boolean(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_bool()) bad_field(path(name), "expected true or false, got ", value->kind());
  return value->as_bool();
}

std::optional<double> Fields::number(std::string_view name, double lowest, double highest) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) bad_field(path(name), "expected a number, got ", value->kind());
  const double number = value->as_number();
  if (!(number >= lowest && number <= highest))
    bad_field(path(name), "expected ", lowest, " to ", highest, ", got ", number);
  return number;
}

std::optional<int64_t> Fields::integer(std::string_view name, int64_t lowest, int64_t highest) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  const int64_t number = whole_number(*value, path(name));
  if (number < lowest || number > highest)
    bad_field(path(name), "expected ", lowest, " to ", highest, ", got ", value->dump());
  return number;
}

std::optional<int64_t> Fields::integer_up_to(std::string_view name, int64_t lowest, int64_t highest) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  const int64_t number = whole_number(*value, path(name));
  if (number < lowest) bad_field(path(name), "expected at least ", lowest, ", got ", value->dump());
  return std::min(number, highest);
}

std::optional<std::string> Fields::text(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) bad_field(path(name), "expected a string, got ", value->kind());
  return value->as_string();
}

std::string Fields::required_text(std::string_view name) const {
  auto value = text(name);
  if (!value) bad_field(path(name), "expected a string, but it is missing");
  return *std::move(value);
}

const Json* Fields::object(std::string_view name) const {
  const Json* value = find(name);
  if (value != nullptr && !value->is_object()) bad_field(path(name), "expected an object, got ", value->kind());
  return value;
}

const Json* Fields::array(std::string_view name) const {
  const Json* value = find(name);
  if (value != nullptr && !value->is_array()) bad_field(path(name), "expected an array, got ", value->kind());
  return value;
}

std::vector<std::string> Fields::texts(std::string_view name, size_t most) const {
  const Json* value = find(name);
  if (value == nullptr) return {};
  if (value->is_string()) return {value->as_string()};
  if (!value->is_array()) bad_field(path(name), "expected a string or an array of strings, got ", value->kind());
  std::vector<std::string> out;
  for (const Json& item : value->as_array()) {
    if (!item.is_string()) bad_field(path(name), "expected strings, got ", item.kind());
    out.push_back(item.as_string());
  }
  if (out.size() > most) bad_field(path(name), "expected at most ", most, " strings, got ", out.size());
  return out;
}

}  // namespace paceline

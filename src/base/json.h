#pragma once
// JSON, read strictly and written exactly (RFC 8259): invalid UTF-8, lone surrogates, numbers beyond a double and nesting beyond a
// limit are errors with line and column; integers stay exact (64 bits), doubles come back bit for bit; objects keep their order and,
// where a key appears twice, the last value. Ours, because builds without any library need it too.
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"

namespace paceline {

class Json;
struct JsonMember;

struct JsonLimits {
  int depth = 128;
  size_t bytes = size_t{256} << 20;
  size_t values = size_t{1} << 22;  // each takes about 50 bytes in memory, at least 2 in the text
};

// Members in insertion order; lookup stays fast however many there are and whatever they are called.
class JsonObject {
 public:
  JsonObject();
  JsonObject(const JsonObject&);
  JsonObject(JsonObject&&) noexcept;
  JsonObject& operator=(const JsonObject&);
  JsonObject& operator=(JsonObject&&) noexcept;
  ~JsonObject();

  const std::vector<JsonMember>& members() const { return members_; }
  size_t size() const;
  const Json* find(std::string_view key) const;
  void set(std::string key, Json value);  // replaces the value of a key that is there already, in its place

 private:
  size_t position(std::string_view key) const;  // size() when absent

  std::vector<JsonMember> members_;
  std::map<std::string, size_t, std::less<>> index_;  // used from kIndexedFrom members on
};

class Json {
 public:
  using Array = std::vector<Json>;

  // Implicit on purpose: values become JSON where they stand, in braces and in calls of set().
  // NOLINTBEGIN(google-explicit-constructor)
  Json() = default;
  Json(std::nullptr_t) {}
  Json(double value) : value_(value) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(Array value) : value_(std::move(value)) {}
  Json(JsonObject value) : value_(std::move(value)) {}
  Json(std::same_as<bool> auto value) : value_(value) {}
  template <std::integral Integer>
    requires(!std::same_as<Integer, bool>)
  Json(Integer value) {
    if (std::in_range<int64_t>(value)) value_ = static_cast<int64_t>(value);
    else value_ = static_cast<uint64_t>(value);
  }
  // NOLINTEND(google-explicit-constructor)

  static Json array() { return Json(Array()); }
  static Json object() { return Json(JsonObject()); }

  // The whole text must be one value. Throws Error with `source` (a file's name, say), line and column.
  static Json parse(std::string_view text, std::string_view source = "JSON", const JsonLimits& limits = {});
  // indent < 0: on one line, without spaces; otherwise that many spaces per level. Bytes that are not UTF-8 become U+FFFD, and
  // NaN and infinity, which JSON lacks, null.
  std::string dump(int indent = -1) const;

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_integer() const {
    return std::holds_alternative<int64_t>(value_) || std::holds_alternative<uint64_t>(value_);
  }
  bool is_number() const { return is_integer() || std::holds_alternative<double>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<JsonObject>(value_); }
  std::string_view kind() const;  // "a string", "null" …, for messages

  // Throw Error saying what was expected and what is there.
  bool as_bool() const;
  int64_t as_integer() const;  // also of 3.0 and 1e3; must fit
  uint64_t as_unsigned() const;  // the same, for 0 to 2^64 - 1
  double as_number() const;
  const std::string& as_string() const;
  const Array& as_array() const;
  Array& as_array();
  const JsonObject& as_object() const;
  JsonObject& as_object();

  // Members of an object: null when absent (or when this is not an object) / throws.
  const Json* find(std::string_view key) const;
  const Json& at(std::string_view key) const;

  void set(std::string key, Json value) { as_object().set(std::move(key), std::move(value)); }
  void push_back(Json value) { as_array().push_back(std::move(value)); }

  // Objects are equal when they have equal values under the same keys, in any order; 1 and 1.0 are equal.
  bool operator==(const Json& other) const;

 private:
  friend class JsonWriter;
  [[noreturn]] void wrong_kind(std::string_view expected) const;
  template <class Value>
  const Value& get(std::string_view expected) const {
    if (const Value* value = std::get_if<Value>(&value_)) return *value;
    wrong_kind(expected);
  }

  std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, Array, JsonObject> value_;
};

struct JsonMember {
  std::string key;
  Json value;
};

}  // namespace paceline

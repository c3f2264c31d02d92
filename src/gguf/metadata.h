#pragma once
// The key-value pairs of a GGUF file, typed. Getters accept any integer type that converts without loss and say what, where,
// expected and got when a key is missing or of another type (spec section 10.2).
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"

namespace paceline {

// On-disk ids of value types.
enum class GgufType : uint32_t { U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64 };

// Arrays keep one flat vector per kind; integer arrays are widened to 64 bits (`type` remembers the type on disk).
struct GgufArray {
  GgufType type = GgufType::U8;
  std::variant<std::vector<uint64_t>, std::vector<int64_t>, std::vector<double>, std::vector<std::string>> values;
  size_t size() const;
};

struct GgufValue {
  GgufType type = GgufType::U8;
  std::variant<uint64_t, int64_t, double, bool, std::string, GgufArray> data;
};

class Metadata {
 public:
  explicit Metadata(std::string source) : source_(std::move(source)) {}

  bool has(std::string_view key) const { return find(key) != nullptr; }
  const GgufValue* find(std::string_view key) const;
  // In file order, for `inspect` and the writer.
  const std::vector<std::pair<std::string, GgufValue>>& entries() const { return entries_; }
  // Throws on a duplicate key.
  void add(std::string key, GgufValue value);

  // Throw when the key is absent, of another type or out of range.
  int64_t integer(std::string_view key, int64_t lowest, int64_t highest) const;
  double number(std::string_view key) const;  // any float or integer type; must be finite
  const std::string& text(std::string_view key) const;
  const std::vector<std::string>& text_array(std::string_view key) const;
  std::vector<int64_t> integer_array(std::string_view key) const;  // bool arrays count as 0/1
  std::vector<double> number_array(std::string_view key) const;

  // The same for keys that may be absent; a present key of a wrong type still throws.
  std::optional<int64_t> find_integer(std::string_view key, int64_t lowest, int64_t highest) const;
  std::optional<double> find_number(std::string_view key) const;
  std::optional<bool> find_bool(std::string_view key) const;
  std::optional<std::string> find_text(std::string_view key) const;

  // The file these came from, for messages.
  const std::string& source() const { return source_; }

 private:
  std::string source_;
  std::vector<std::pair<std::string, GgufValue>> entries_;
  std::map<std::string, size_t, std::less<>> index_;
};

}  // namespace paceline

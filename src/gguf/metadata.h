#pragma once
// The key-value pairs of a GGUF file, typed. Getters accept any integer type that converts without loss and say what, where,
// expected and got when a key is missing or of another type (spec section 10.2).
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"

namespace paceline {

// On-disk ids of value types.
enum class GgufType : uint32_t { U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64 };

std::string_view gguf_value_type_name(GgufType type);  // "u32", "string" …
size_t gguf_value_bytes(GgufType type);  // bytes on disk of one value; 0 for String and Array

// An array as it lies on disk, so that it takes no more memory than it took in the file: strings in `texts`, everything else
// packed little-endian in `packed`. Arrays of arrays do not exist here.
struct GgufArray {
  GgufType type = GgufType::U8;  // of the elements
  std::vector<std::string> texts;
  std::vector<std::byte> packed;

  size_t size() const;
  // Element `index`: nullopt unless it is an integer (or bool) that fits / any number.
  std::optional<int64_t> integer(size_t index) const;
  std::optional<double> number(size_t index) const;
};

// `data` holds: uint64_t for the unsigned types, int64_t for the signed ones, double for the floats, bool, string, or an array.
struct GgufValue {
  GgufType type = GgufType::U8;
  std::variant<uint64_t, int64_t, double, bool, std::string, GgufArray> data;

  std::optional<int64_t> integer() const;  // nullopt unless it is an integer that fits
  std::optional<double> number() const;  // nullopt unless it is an integer or a float
};

class Metadata {
 public:
  using Entry = std::pair<std::string, GgufValue>;

  explicit Metadata(std::string source) : source_(std::move(source)) {}

  bool has(std::string_view key) const { return find(key) != nullptr; }
  const GgufValue* find(std::string_view key) const;
  // In file order, for `inspect` and the writer.
  const std::vector<Entry>& entries() const { return entries_; }
  void reserve(size_t count);
  // Throws on a duplicate key.
  void add(std::string key, GgufValue value);

  // Throw when the key is absent, of another type or out of range.
  int64_t integer(std::string_view key, int64_t lowest, int64_t highest) const;
  double number(std::string_view key) const;  // any float or integer type; must be finite
  const std::string& text(std::string_view key) const;
  const std::vector<std::string>& text_array(std::string_view key) const;
  std::vector<int64_t> integer_array(std::string_view key) const;  // bool arrays count as 0/1
  std::vector<double> number_array(std::string_view key) const;  // all finite

  // The same for keys that may be absent; a present key of a wrong type still throws.
  std::optional<int64_t> find_integer(std::string_view key, int64_t lowest, int64_t highest) const;
  std::optional<double> find_number(std::string_view key) const;
  std::optional<bool> find_bool(std::string_view key) const;
  std::optional<std::string> find_text(std::string_view key) const;

  // The file these came from, for messages.
  const std::string& source() const { return source_; }

 private:
  const GgufValue& required(std::string_view key) const;
  const GgufArray& required_array(std::string_view key) const;
  [[noreturn]] void reject(std::string_view key, const GgufValue& value, std::string_view expected) const;
  size_t position_in_order(std::string_view key) const;

  std::string source_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> order_;  // indices of entries_, sorted by key
};

}  // namespace paceline

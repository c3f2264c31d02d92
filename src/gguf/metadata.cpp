#include "gguf/metadata.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace paceline {

namespace {

static_assert(std::endian::native == std::endian::little, "GGUF values are read in place");

template <class Value>
Value packed_value(const std::byte* bytes) {
  Value value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

std::optional<int64_t> to_signed(uint64_t value) {
  if (value > static_cast<uint64_t>(INT64_MAX)) return std::nullopt;
  return static_cast<int64_t>(value);
}

}  // namespace

std::string_view gguf_value_type_name(GgufType type) {
  static constexpr std::string_view kNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                                "bool", "string", "array", "u64", "i64", "f64"};
  const auto id = static_cast<size_t>(type);
  return id < std::size(kNames) ? kNames[id] : "unknown";
}

size_t gguf_value_bytes(GgufType type) {
  switch (type) {
    case GgufType::U8:
    case GgufType::I8:
    case GgufType::Bool: return 1;
    case GgufType::U16:
    case GgufType::I16: return 2;
    case GgufType::U32:
    case GgufType::I32:
    case GgufType::F32: return 4;
    case GgufType::U64:
    case GgufType::I64:
    case GgufType::F64: return 8;
    case GgufType::String:
    case GgufType::Array: return 0;
  }
  return 0;
}

size_t GgufArray::size() const {
  const size_t bytes = gguf_value_bytes(type);
  return bytes == 0 ? texts.size() : packed.size() / bytes;
}

std::optional<int64_t> GgufArray::integer(size_t index) const {
  PACELINE_ASSERT(index < size());
  const std::byte* at = packed.data() + index * gguf_value_bytes(type);
  switch (type) {
    case GgufType::U8:
    case GgufType::Bool: return packed_value<uint8_t>(at);
    case GgufType::I8: return packed_value<int8_t>(at);
    case GgufType::U16: return packed_value<uint16_t>(at);
    case GgufType::I16: return packed_value<int16_t>(at);
    case GgufType::U32: return packed_value<uint32_t>(at);
    case GgufType::I32: return packed_value<int32_t>(at);
    case GgufType::U64: return to_signed(packed_value<uint64_t>(at));
    case GgufType::I64: return packed_value<int64_t>(at);
    default: return std::nullopt;
  }
}

std::optional<double> GgufArray::number(size_t index) const {
  PACELINE_ASSERT(index < size());
  const std::byte* at = packed.data() + index * gguf_value_bytes(type);
  if (type == GgufType::F32) return packed_value<float>(at);
  if (type == GgufType::F64) return packed_value<double>(at);
  if (type == GgufType::U64) return static_cast<double>(packed_value<uint64_t>(at));
  const std::optional<int64_t> whole = integer(index);
  return whole ? std::optional<double>(static_cast<double>(*whole)) : std::nullopt;
}

std::optional<int64_t> GgufValue::integer() const {
  if (const auto* value = std::get_if<uint64_t>(&data)) return to_signed(*value);
  if (const auto* value = std::get_if<int64_t>(&data)) return *value;
  return std::nullopt;
}

std::optional<double> GgufValue::number() const {
  if (const auto* value = std::get_if<double>(&data)) return *value;
  if (const auto* value = std::get_if<uint64_t>(&data)) return static_cast<double>(*value);
  if (const auto* value = std::get_if<int64_t>(&data)) return static_cast<double>(*value);
  return std::nullopt;
}

// First position in order_ whose key is not less than `key`.
size_t Metadata::position_in_order(std::string_view key) const {
  const auto at = std::lower_bound(order_.begin(), order_.end(), key, [this](uint32_t index, std::string_view wanted) {
    return entries_[index].first < wanted;
  });
  return static_cast<size_t>(at - order_.begin());
}

const GgufValue* Metadata::find(std::string_view key) const {
  const size_t position = position_in_order(key);
  if (position == order_.size() || entries_[order_[position]].first != key) return nullptr;
  return &entries_[order_[position]].second;
}

void Metadata::reserve(size_t count) {
  entries_.reserve(count);
  order_.reserve(count);
}

void Metadata::add(std::string key, GgufValue value) {
  const size_t position = position_in_order(key);
  if (position < order_.size() && entries_[order_[position]].first == key)
    fail(source_, ": key ", key, " appears twice");
  order_.insert(order_.begin() + static_cast<std::ptrdiff_t>(position), static_cast<uint32_t>(entries_.size()));
  entries_.emplace_back(std::move(key), std::move(value));
}

const GgufValue& Metadata::required(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) fail(source_, ": key ", key, " is missing");
  return *value;
}

const GgufArray& Metadata::required_array(std::string_view key) const {
  const GgufValue& value = required(key);
  const auto* array = std::get_if<GgufArray>(&value.data);
  if (array == nullptr) reject(key, value, "an array");
  return *array;
}

void Metadata::reject(std::string_view key, const GgufValue& value, std::string_view expected) const {
  std::string got(gguf_value_type_name(value.type));
  if (const auto* array = std::get_if<GgufArray>(&value.data))
    got = cat("array of ", gguf_value_type_name(array->type));
  if (const std::optional<double> number = value.number()) got = cat(*number, " (", got, ")");
  fail(source_, ": key ", key, " is ", got, ", expected ", expected);
}

int64_t Metadata::integer(std::string_view key, int64_t lowest, int64_t highest) const {
  const GgufValue& value = required(key);
  const std::optional<int64_t> whole = value.integer();
  if (!whole || *whole < lowest || *whole > highest)
    reject(key, value, cat("an integer from ", lowest, " to ", highest));
  return *whole;
}

double Metadata::number(std::string_view key) const {
  const GgufValue& value = required(key);
  const std::optional<double> found = value.number();
  if (!found || !std::isfinite(*found)) reject(key, value, "a finite number");
  return *found;
}

const std::string& Metadata::text(std::string_view key) const {
  const GgufValue& value = required(key);
  const auto* found = std::get_if<std::string>(&value.data);
  if (found == nullptr) reject(key, value, "a string");
  return *found;
}

const std::vector<std::string>& Metadata::text_array(std::string_view key) const {
  const GgufArray& array = required_array(key);
  if (array.type != GgufType::String) reject(key, required(key), "an array of string");
  return array.texts;
}

std::vector<int64_t> Metadata::integer_array(std::string_view key) const {
  const GgufArray& array = required_array(key);
  if (array.type == GgufType::String) reject(key, required(key), "an array of integers");
  std::vector<int64_t> out(array.size());
  for (size_t i = 0; i < out.size(); ++i) {
    const std::optional<int64_t> whole = array.integer(i);
    if (!whole) reject(key, required(key), "an array of integers below 2^63");
    out[i] = *whole;
  }
  return out;
}

std::vector<double> Metadata::number_array(std::string_view key) const {
  const GgufArray& array = required_array(key);
  if (array.type == GgufType::String) reject(key, required(key), "an array of numbers");
  std::vector<double> out(array.size());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = array.number(i).value_or(0);
    if (!std::isfinite(out[i]))
      fail(source_, ": key ", key, ", element ", i, " is ", out[i], ", expected a finite number");
  }
  return out;
}

std::optional<int64_t> Metadata::find_integer(std::string_view key, int64_t lowest, int64_t highest) const {
  return has(key) ? std::optional<int64_t>(integer(key, lowest, highest)) : std::nullopt;
}

std::optional<double> Metadata::find_number(std::string_view key) const {
  return has(key) ? std::optional<double>(number(key)) : std::nullopt;
}

std::optional<bool> Metadata::find_bool(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* found = std::get_if<bool>(&value->data)) return *found;
  reject(key, *value, "a bool");
}

std::optional<std::string> Metadata::find_text(std::string_view key) const {
  return has(key) ? std::optional<std::string>(text(key)) : std::nullopt;
}

}  // namespace paceline

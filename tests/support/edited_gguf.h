#pragma once
// Writes a copy of a GGUF with changes: what a hostile or broken converter might have produced.
#include <functional>
#include <optional>
#include <string>

#include "gguf/reader.h"
#include "gguf/writer.h"

namespace paceline::test {

struct GgufEdits {
  // Called for each entry; nullopt drops it.
  std::function<std::optional<GgufValue>(const std::string& key, const GgufValue& value)> value;
  // Called for each tensor; nullopt drops it; a new name renames it.
  std::function<std::optional<std::string>(const std::string& name)> tensor_name;
  // Extra tensors: name and length, F32 zeros.
  std::vector<std::pair<std::string, int64_t>> extra;
};

inline void write_edited(const std::string& from, const std::string& to, const GgufEdits& edits) {
  const GgufFile file = GgufFile::open(from);
  GgufWriter writer(to);
  for (const auto& [key, value] : file.metadata().entries()) {
    const auto edited = edits.value ? edits.value(key, value) : std::optional(value);
    if (edited) writer.add(key, *edited);
  }
  std::vector<const GgufTensor*> kept;
  for (const GgufTensor& tensor : file.tensors()) {
    const auto name = edits.tensor_name ? edits.tensor_name(tensor.name) : std::optional(tensor.name);
    if (!name) continue;
    writer.declare(*name, tensor.type, tensor.ne);
    kept.push_back(&tensor);
  }
  for (const auto& [name, length] : edits.extra) writer.declare(name, QuantType::F32, {length});
  for (const GgufTensor* tensor : kept) writer.write(tensor->bytes);
  for (const auto& [name, length] : edits.extra) {
    const std::vector<std::byte> zeros(static_cast<size_t>(length) * 4);
    writer.write(zeros);
  }
  writer.finish();
}

inline GgufValue u32_value(uint32_t value) { return {GgufType::U32, static_cast<uint64_t>(value)}; }
inline GgufValue f32_value(float value) { return {GgufType::F32, static_cast<double>(value)}; }
inline GgufValue text_value(std::string value) { return {GgufType::String, std::move(value)}; }

// Replaces the value of one key.
inline GgufEdits with_value(std::string key, GgufValue value) {
  GgufEdits edits;
  edits.value = [key, value](const std::string& name, const GgufValue& old) {
    return std::optional(name == key ? value : old);
  };
  return edits;
}

}  // namespace paceline::test

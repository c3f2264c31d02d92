#include "gguf/parse.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <optional>

#include "base/utf8.h"
#include "gguf/byte_reader.h"

namespace paceline {

namespace {

constexpr uint64_t kMaxKeyBytes = 1024, kMaxTensorNameBytes = 63, kMaxNumbers = 1 << 21, kMaxAlignment = 1 << 20;
constexpr uint64_t kLeastKeyBytes = 13, kLeastTensorBytes = 33, kLeastStringBytes = 8;
constexpr uint32_t kMaxDimensions = 4;

void check_name(const ByteReader& reader, std::string_view name, std::string_view what, uint64_t longest) {
  if (name.empty()) fail(reader.source(), ": ", what, " before byte ", reader.offset(), " is empty");
  if (name.size() > longest)
    fail(reader.source(), ": ", what, " before byte ", reader.offset(), " has ", name.size(),
         " bytes, expected at most ", longest);
  if (printable(name) != name)
    fail(reader.source(), ": ", what, " before byte ", reader.offset(), " is not clean UTF-8 text");
}

int read_version(ByteReader& reader) {
  const auto magic = reader.take(4, "the magic number");
  if (std::memcmp(magic.data(), "GGUF", 4) != 0)
    fail(reader.source(), ": is not a GGUF file (it does not begin with \"GGUF\")");
  const uint32_t version = reader.number<uint32_t>("the version");
  if (version == 1)
    fail(reader.source(), ": is GGUF version 1, expected 2 or 3; convert the model again with a current tool");
  if (version != 0 && (version & 0xffff) == 0)
    fail(reader.source(), ": is a big-endian GGUF file, expected little-endian; download the usual file of this model");
  if (version != 2 && version != 3) fail(reader.source(), ": is GGUF version ", version, ", expected 2 or 3");
  return static_cast<int>(version);
}

GgufType read_type(ByteReader& reader, std::string_view key) {
  const uint32_t id = reader.number<uint32_t>("a value type");
  if (id > static_cast<uint32_t>(GgufType::F64)) fail(reader.source(), ": key ", key, " has unknown value type ", id);
  return static_cast<GgufType>(id);
}

void check_bool(const ByteReader& reader, std::string_view key, std::byte value) {
  if (std::to_integer<int>(value) > 1)
    fail(reader.source(), ": key ", key, " has bool byte ", std::to_integer<int>(value), ", expected 0 or 1");
}

GgufArray read_array(ByteReader& reader, std::string_view key, GgufBudget& budget) {
  GgufArray array;
  array.type = read_type(reader, key);
  if (array.type == GgufType::Array)
    fail(reader.source(), ": key ", key, " is an array of arrays, which no model needs");
  const std::string what = cat("the element count of key ", key);
  if (array.type == GgufType::String) {
    const uint64_t count = reader.count(what, kLeastStringBytes, budget.strings);
    budget.strings -= count;
    array.texts.reserve(count);
    for (uint64_t i = 0; i < count; ++i) array.texts.emplace_back(reader.text(key));
    return array;
  }
  const size_t bytes = gguf_value_bytes(array.type);
  const uint64_t count = reader.count(what, bytes, kMaxNumbers);
  const auto taken = reader.take(count * bytes, key);
  array.packed.assign(taken.begin(), taken.end());
  if (array.type == GgufType::Bool)
    for (const std::byte value : array.packed) check_bool(reader, key, value);
  return array;
}

GgufValue read_value(ByteReader& reader, std::string_view key, GgufBudget& budget) {
  const GgufType type = read_type(reader, key);
  const auto whole = [type](uint64_t value) { return GgufValue{type, value}; };
  const auto signed_whole = [type](int64_t value) { return GgufValue{type, value}; };
  switch (type) {
    case GgufType::U8: return whole(reader.number<uint8_t>(key));
    case GgufType::U16: return whole(reader.number<uint16_t>(key));
    case GgufType::U32: return whole(reader.number<uint32_t>(key));
    case GgufType::U64: return whole(reader.number<uint64_t>(key));
    case GgufType::I8: return signed_whole(reader.number<int8_t>(key));
    case GgufType::I16: return signed_whole(reader.number<int16_t>(key));
    case GgufType::I32: return signed_whole(reader.number<int32_t>(key));
    case GgufType::I64: return signed_whole(reader.number<int64_t>(key));
    case GgufType::F32: return {type, static_cast<double>(reader.number<float>(key))};
    case GgufType::F64: return {type, reader.number<double>(key)};
    case GgufType::String: return {type, std::string(reader.text(key))};
    case GgufType::Array: return {type, read_array(reader, key, budget)};
    case GgufType::Bool: break;
  }
  const std::byte value = reader.take(1, key)[0];
  check_bool(reader, key, value);
  return {type, value != std::byte{0}};
}

void read_metadata(ByteReader& reader, uint64_t count, Metadata& metadata, GgufBudget& budget) {
  budget.keys -= count;
  metadata.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    const std::string_view key = reader.text("a key");
    check_name(reader, key, "a key", kMaxKeyBytes);
    metadata.add(std::string(key), read_value(reader, key, budget));
  }
}

uint64_t read_alignment(const Metadata& metadata) {
  const int64_t alignment = metadata.find_integer("general.alignment", 8, kMaxAlignment).value_or(32);
  if (!std::has_single_bit(static_cast<uint64_t>(alignment)))
    fail(metadata.source(), ": key general.alignment is ", alignment, ", expected a power of two");
  return static_cast<uint64_t>(alignment);
}

QuantType check_type(const ByteReader& reader, const std::string& tensor, uint32_t id) {
  if (const auto type = quant_type_from_id(id)) return *type;
  const std::string_view name = gguf_type_name(id);
  if (name.empty()) fail(reader.source(), ": ", tensor, " has unknown tensor type ", id);
  if (name.starts_with('I') && !name.starts_with("IQ"))
    fail(reader.source(), ": ", tensor, " has type ", name, ", expected a floating-point or quantized type");
  fail(reader.source(), ": ", tensor, " has type ", name,
       ", which paceline does not compute with; use a plain Q4_K_M (or, smaller, ",
       "Q3_K_M) file of this model: files marked UD or IQ1, IQ2, IQ3 use such types");
}

// Bytes of a tensor, every step checked; cols and rows fit in int.
uint64_t checked_tensor_bytes(const ByteReader& reader, const GgufTensor& tensor) {
  constexpr int64_t kLargest = std::numeric_limits<int>::max();
  int64_t rows = 1;
  for (size_t i = 0; i < tensor.ne.size(); ++i) {
    const int64_t extent = tensor.ne[i];
    if (extent < 1 || extent > kLargest)
      fail(reader.source(), ": ", tensor.name, " has extent ", extent, " in dimension ", i, ", expected 1 to ",
           kLargest);
    if (i > 0 && (rows *= extent) > kLargest)
      fail(reader.source(), ": ", tensor.name, " has too many rows: ", tensor.shape());
  }
  const FormatInfo& info = format_info(tensor.type);
  if (tensor.cols() % info.block_size != 0)
    fail(reader.source(), ": ", tensor.name, " has ", tensor.cols(), " columns, expected a multiple of ",
         info.block_size, " (", info.name, ")");
  const uint64_t bytes_per_row =
      row_bytes(tensor.type, tensor.cols());  // at most 2^33, so the product stays below 2^64
  return bytes_per_row * static_cast<uint64_t>(rows);
}

struct Placement {
  uint64_t offset = 0, bytes = 0;  // in the data section
};

Placement read_tensor_info(ByteReader& reader, uint64_t alignment, GgufTensor& tensor) {
  const std::string_view name = reader.text("a tensor name");
  check_name(reader, name, "a tensor name", kMaxTensorNameBytes);
  tensor.name = name;
  const uint32_t dimensions = reader.number<uint32_t>("a dimension count");
  if (dimensions < 1 || dimensions > kMaxDimensions)
    fail(reader.source(), ": ", tensor.name, " has ", dimensions, " dimensions, expected 1 to ", kMaxDimensions);
  tensor.ne.resize(dimensions);
  for (int64_t& extent : tensor.ne) extent = reader.number<int64_t>("a tensor extent");
  tensor.type = check_type(reader, tensor.name, reader.number<uint32_t>("a tensor type"));
  const Placement placement{reader.number<uint64_t>("a tensor offset"), checked_tensor_bytes(reader, tensor)};
  if (placement.offset % alignment != 0)
    fail(reader.source(), ": ", tensor.name, " lies at offset ", placement.offset, ", expected a multiple of ",
         alignment);
  return placement;
}

void check_no_overlap(const ByteReader& reader, const std::vector<GgufTensor>& tensors,
                      const std::vector<Placement>& placements) {
  std::vector<uint32_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return placements[a].offset < placements[b].offset; });
  for (size_t i = 1; i < order.size(); ++i) {
    const Placement& before = placements[order[i - 1]];
    if (placements[order[i]].offset < before.offset + before.bytes)
      fail(reader.source(), ": ", tensors[order[i]].name, " at offset ", placements[order[i]].offset, " overlaps ",
           tensors[order[i - 1]].name, ", which ends at ", before.offset + before.bytes);
  }
}

void read_tensors(ByteReader& reader, uint64_t count, GgufPart& part) {
  part.tensors.resize(count);
  std::vector<Placement> placements(count);
  for (uint64_t i = 0; i < count; ++i) placements[i] = read_tensor_info(reader, part.alignment, part.tensors[i]);
  if (count == 0) return;
  reader.take((part.alignment - reader.offset() % part.alignment) % part.alignment,
              "the padding before the tensor data");
  const auto data = reader.take(reader.remaining(), "the tensor data");
  for (uint64_t i = 0; i < count; ++i) {
    const auto [offset, bytes] = placements[i];
    if (offset > data.size() || bytes > data.size() - offset)
      fail(reader.source(), ": ", part.tensors[i].name, " needs bytes ", offset, " to ", offset, "+", bytes,
           " of the tensor data, which has ", data.size(), "; the file is cut short or damaged, download it again");
    part.tensors[i].bytes = data.subspan(offset, bytes);
  }
  check_no_overlap(reader, part.tensors, placements);
}

}  // namespace

GgufPart parse_gguf(const std::string& source, std::span<const std::byte> bytes, GgufBudget& budget) {
  ByteReader reader(source, bytes);
  GgufPart part(source);
  part.version = read_version(reader);
  const uint64_t tensor_count = reader.count("the tensor count", kLeastTensorBytes, budget.tensors);
  const uint64_t key_count = reader.count("the key count", kLeastKeyBytes, budget.keys);
  budget.tensors -= tensor_count;
  read_metadata(reader, key_count, part.metadata, budget);
  part.alignment = read_alignment(part.metadata);
  read_tensors(reader, tensor_count, part);
  return part;
}

}  // namespace paceline

#include "gguf/mutation/seeds.h"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "gguf/raw_gguf.h"
#include "quant/format.h"

namespace paceline::test {

namespace {

using R = RawGguf;

std::string small_file() {
  RawGguf raw;
  raw.entries = {R::entry("general.architecture", 8, R::text("qwen35")),
                 R::entry("general.alignment", 4, R::number<uint32_t>(32))};
  for (const uint32_t type : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 10u, 11u, 12u}) {
    static constexpr size_t kBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    const std::string value(kBytes[type], '\1');
    raw.entries.push_back(R::entry(cat("value.", type), type, value));
    raw.entries.push_back(R::entry(cat("array.", type), 9, R::array(type, 3, cat(value, value, value))));
  }
  raw.entries.push_back(
      R::entry("texts", 9, R::array(8, 3, R::text("a") + R::text("") + R::text(std::string(50, 'x')))));
  raw.entries.push_back(R::entry("nothing", 9, R::array(8, 0, "")));
  size_t offset = 0;
  for (const QuantType type : kAllQuantTypes) {
    const size_t bytes = 6 * row_bytes(type, 256);
    raw.tensors.push_back({cat("blk.0.", format_info(type).name), {256, 3, 2}, static_cast<uint32_t>(type), offset});
    offset += (bytes + 31) / 32 * 32;
  }
  raw.data_bytes = offset;
  std::string out = raw.bytes();
  for (size_t i = out.size() - offset; i < out.size(); ++i) out[i] = static_cast<char>(i * 37 % 251);
  return out;
}

// Walks the header of a valid file and notes where things are.
class Surveyor {
 public:
  explicit Surveyor(Seed& seed) : seed_(seed) {}

  void survey() {
    at_ = 4;
    number<uint32_t>();
    const auto tensor_count = number<uint64_t>(), entry_count = number<uint64_t>();
    for (uint64_t i = 0; i < entry_count; ++i)
      seed_.entries.push_back(section([this] { text(), value(number<uint32_t>()); }));
    for (uint64_t i = 0; i < tensor_count; ++i) seed_.tensors.push_back(section([this] { tensor(); }));
    seed_.header_bytes = at_;
  }

 private:
  template <class Number>
  Number number() {
    Number value;
    std::memcpy(&value, seed_.bytes.data() + at_, sizeof value);
    seed_.numbers.push_back({at_, sizeof value});
    at_ += sizeof value;
    return value;
  }

  template <class Walk>
  Range section(const Walk& walk) {
    const size_t begin = at_;
    walk();
    return {begin, at_ - begin};
  }

  void text() { at_ += number<uint64_t>(); }

  void value(uint32_t type) {
    switch (type) {
      case 0:
      case 1:
      case 7: number<uint8_t>(); return;
      case 2:
      case 3: number<uint16_t>(); return;
      case 4:
      case 5:
      case 6: number<uint32_t>(); return;
      case 8: text(); return;
      case 9: array(); return;
      default: number<uint64_t>();
    }
  }

  // The numbers of the first few elements are enough.
  void array() {
    const auto type = number<uint32_t>();
    const auto count = number<uint64_t>();
    const size_t noted = seed_.numbers.size();
    for (uint64_t i = 0; i < count; ++i) {
      value(type);
      if (i >= 8) seed_.numbers.resize(noted + 8);
    }
  }

  void tensor() {
    text();
    const auto dimensions = number<uint32_t>();
    for (uint32_t i = 0; i < dimensions; ++i) number<uint64_t>();
    number<uint32_t>();
    number<uint64_t>();
  }

  Seed& seed_;
  size_t at_ = 0;
};

Seed make_seed(const std::string& name, std::string bytes) {
  Seed seed;
  seed.name = name;
  seed.bytes = std::move(bytes);
  Surveyor(seed).survey();
  return seed;
}

}  // namespace

std::string largest_file() {
  constexpr int kStrings = 1 << 20, kNumbers = 1 << 21, kKeys = 1 << 14, kTensors = 1 << 16;
  RawGguf raw;
  raw.entries = {R::entry("strings", 9, R::array(8, kStrings, std::string(8 * kStrings, '\0'))),
                 R::entry("numbers", 9, R::array(0, kNumbers, std::string(kNumbers, '\1')))};
  while (raw.entries.size() < kKeys) raw.entries.push_back(R::entry(cat("k", raw.entries.size()), 0, "\1"));
  raw.tensors.resize(kTensors);
  for (size_t i = 0; i < kTensors; ++i) raw.tensors[i] = {cat("t", i), {1, 1, 1, 1}, 0, 32 * i};
  raw.data_bytes = 32 * kTensors;
  return raw.bytes();
}

std::vector<Seed> make_seeds(const std::vector<std::string>& model_paths) {
  std::vector<Seed> seeds = {make_seed("small", small_file())};
  for (const std::string& path : model_paths) {
    std::ifstream in(path, std::ios::binary);
    if (!in) fail(path, ": cannot be read");
    seeds.push_back(
        make_seed(std::filesystem::path(path).filename().string(), {std::istreambuf_iterator<char>(in), {}}));
  }
  return seeds;
}

}  // namespace paceline::test

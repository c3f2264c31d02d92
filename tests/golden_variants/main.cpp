// golden_variants GOLDEN_FOLDER OUT_FOLDER: more golden models out of one. Every value of a Q4_0 block, (q - 8) * d, can be written without
// rounding in Q4_1, Q5_0, Q5_1, Q8_0 and F32; so hybrid-untied.Q4_0 written in another format has the same logits. Each tensor is checked
// to decode to the same floats.
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/json.h"
#include "gguf/reader.h"
#include "gguf/writer.h"
#include "quant/q4_0.h"
#include "quant/q4_1.h"
#include "quant/q5_0.h"
#include "quant/q5_1.h"
#include "quant/q8_0.h"

namespace paceline {

namespace {

namespace fs = std::filesystem;

constexpr const char* kBase = "hybrid-untied.Q4_0";

int step_of(const Q4_0Block& in, int e) { return e < 16 ? in.quants[e] & 15 : in.quants[e - 16] >> 4; }

uint16_t times_half(uint16_t scale, float factor) { return float_to_half(half_to_float(scale) * factor); }

void convert(const Q4_0Block& in, Q4_1Block& out) {
  out.scale = in.scale;
  out.minimum = times_half(in.scale, -8);
  std::memcpy(out.quants, in.quants, sizeof out.quants);
}

template <class Block>
void set_five_bits(Block& out, int e, int step) {
  out.quants[e & 15] = static_cast<uint8_t>(out.quants[e & 15] | ((step & 15) << (e < 16 ? 0 : 4)));
  out.high_bits[e >> 3] = static_cast<uint8_t>(out.high_bits[e >> 3] | ((step >> 4) << (e & 7)));
}

void convert(const Q4_0Block& in, Q5_0Block& out) {
  out = {};
  out.scale = in.scale;
  for (int e = 0; e < 32; ++e) set_five_bits(out, e, step_of(in, e) - 8 + 16);
}

// Counted from -16 d, so that the fifth bit is in use.
void convert(const Q4_0Block& in, Q5_1Block& out) {
  out = {};
  out.scale = in.scale;
  out.minimum = times_half(in.scale, -16);
  for (int e = 0; e < 32; ++e) set_five_bits(out, e, step_of(in, e) + 8);
}

void convert(const Q4_0Block& in, Q8_0Block& out) {
  out.scale = in.scale;
  for (int e = 0; e < 32; ++e) out.quants[e] = static_cast<int8_t>(step_of(in, e) - 8);
}

template <class Block>
void convert_blocks(std::span<const std::byte> bytes, std::vector<std::byte>& out) {
  for (size_t at = 0; at < bytes.size(); at += sizeof(Q4_0Block)) {
    Q4_0Block in;
    std::memcpy(&in, bytes.data() + at, sizeof in);
    Block converted;
    convert(in, converted);
    const auto* raw = reinterpret_cast<const std::byte*>(&converted);
    out.insert(out.end(), raw, raw + sizeof converted);
  }
}

void decode_all(std::span<const std::byte> bytes, std::vector<std::byte>& out) {
  out.resize(bytes.size() / sizeof(Q4_0Block) * 32 * sizeof(float));
  format_info(QuantType::Q4_0).decode(bytes.data(), reinterpret_cast<float*>(out.data()), out.size() / sizeof(float));
}

struct Variant {
  QuantType type;
  void (*convert)(std::span<const std::byte> bytes, std::vector<std::byte>& out);
};

const Variant kVariants[] = {
    {QuantType::Q4_1, convert_blocks<Q4_1Block>},
    {QuantType::Q5_0, convert_blocks<Q5_0Block>},
    {QuantType::Q5_1, convert_blocks<Q5_1Block>},
    {QuantType::Q8_0, convert_blocks<Q8_0Block>},
    {QuantType::F32, decode_all},
};

std::string name_of(const Variant& variant) { return cat(kBase, "-as-", format_info(variant.type).name); }

std::vector<float> decoded(QuantType type, std::span<const std::byte> bytes) {
  const FormatInfo& info = format_info(type);
  std::vector<float> values(bytes.size() / static_cast<size_t>(info.block_bytes) *
                            static_cast<size_t>(info.block_size));
  info.decode(bytes.data(), values.data(), values.size());
  return values;
}

std::vector<std::byte> converted(const Variant& variant, const GgufTensor& tensor) {
  std::vector<std::byte> out;
  variant.convert(tensor.bytes, out);
  if (decoded(variant.type, out) != decoded(tensor.type, tensor.bytes))
    fail(name_of(variant), ": ", tensor.name, " does not decode to the same values");
  return out;
}

void write_model(const GgufFile& file, const Variant& variant, const fs::path& path) {
  GgufWriter writer(path.string());
  for (const auto& [key, value] : file.metadata().entries()) writer.add(key, value);
  for (const GgufTensor& tensor : file.tensors())
    writer.declare(tensor.name, tensor.type == QuantType::Q4_0 ? variant.type : tensor.type, tensor.ne);
  for (const GgufTensor& tensor : file.tensors()) {
    if (tensor.type == QuantType::Q4_0) writer.write(converted(variant, tensor));
    else writer.write(tensor.bytes);
  }
  writer.finish();
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) fail(path.string(), ": cannot be read");
  return {std::istreambuf_iterator<char>(in), {}};
}

void run(const fs::path& golden, const fs::path& out) {
  fs::create_directories(out);
  const GgufFile file = GgufFile::open((golden / kBase).string() + ".gguf");
  const Json peers = Json::parse(read_file(golden / "peer_distance.json"), "peer_distance.json");
  Json distances = Json::object();
  for (const Variant& variant : kVariants) {
    const std::string name = name_of(variant);
    write_model(file, variant, out / (name + ".gguf"));
    for (const char* extension : {".json", ".trunk.f32", ".mtp.f32"})
      fs::copy_file((golden / kBase).string() + extension, out / (name + extension),
                    fs::copy_options::overwrite_existing);
    distances.set(name, peers.at(kBase));
    std::printf("%s\n", name.c_str());
  }
  std::ofstream(out / "peer_distance.json") << distances.dump(1) << '\n';
}

}  // namespace

}  // namespace paceline

int main(int argc, char** argv) {
  try {
    if (argc != 3) paceline::fail("usage: golden_variants GOLDEN_FOLDER OUT_FOLDER");
    paceline::run(argv[1], argv[2]);
    return 0;
  } catch (const std::exception& error) {
    std::printf("FAILED: %s\n", error.what());
    return 1;
  }
}

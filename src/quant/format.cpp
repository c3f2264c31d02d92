#include "quant/format.h"

#include <cctype>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "quant/block.h"
#include "quant/f16.h"
#include "quant/iq4_nl.h"
#include "quant/iq4_xs.h"
#include "quant/mxfp4.h"
#include "quant/q2_k.h"
#include "quant/q3_k.h"
#include "quant/q4_0.h"
#include "quant/q4_1.h"
#include "quant/q4_k.h"
#include "quant/q5_0.h"
#include "quant/q5_1.h"
#include "quant/q5_k.h"
#include "quant/q6_k.h"
#include "quant/q8_0.h"

namespace paceline {

namespace {

// The plain float types as blocks of one. F32 keeps every bit, also of NaNs.
struct F32Block {
  static constexpr QuantType kType = QuantType::F32;
  static constexpr int kSize = 1;
  float value;
};
void decode(const F32Block& block, float* out) { *out = block.value; }
void encode(const float* value, F32Block& out) { out.value = *value; }

struct F16Block {
  static constexpr QuantType kType = QuantType::F16;
  static constexpr int kSize = 1;
  uint16_t half;
};
void decode(const F16Block& block, float* out) { *out = half_to_float(block.half); }
void encode(const float* value, F16Block& out) { out.half = float_to_half(*value); }

struct Bf16Block {
  static constexpr QuantType kType = QuantType::BF16;
  static constexpr int kSize = 1;
  uint16_t bits;
};
void decode(const Bf16Block& block, float* out) { *out = bfloat16_to_float(block.bits); }
void encode(const float* value, Bf16Block& out) { out.bits = float_to_bfloat16(*value); }

// Blocks in a file need not be aligned for their fields, so each is copied out (in).
template <BlockFormat Block>
void decode_blocks(const std::byte* blocks, float* out, size_t count) {
  PACELINE_ASSERT(count % Block::kSize == 0);
  for (size_t i = 0; i < count; i += Block::kSize, blocks += sizeof(Block)) {
    Block block;
    std::memcpy(&block, blocks, sizeof block);
    decode(block, out + i);
  }
}

template <BlockFormat Block>
void encode_blocks(const float* values, std::byte* out, size_t count) {
  PACELINE_ASSERT(count % Block::kSize == 0);
  for (size_t i = 0; i < count; i += Block::kSize, out += sizeof(Block)) {
    Block block;
    encode(values + i, block);
    std::memcpy(out, &block, sizeof block);
  }
}

template <BlockFormat Block>
constexpr FormatInfo row(std::string_view name) {
  return {Block::kType, name, Block::kSize, sizeof(Block), true, decode_blocks<Block>, encode_blocks<Block>};
}

constexpr FormatInfo kFormats[] = {
    row<F32Block>("F32"),   row<F16Block>("F16"),      row<Bf16Block>("BF16"),    row<Q8_0Block>("Q8_0"),
    row<Q4_0Block>("Q4_0"), row<Q4_1Block>("Q4_1"),    row<Q5_0Block>("Q5_0"),    row<Q5_1Block>("Q5_1"),
    row<Q2_KBlock>("Q2_K"), row<Q3_KBlock>("Q3_K"),    row<Q4_KBlock>("Q4_K"),    row<Q5_KBlock>("Q5_K"),
    row<Q6_KBlock>("Q6_K"), row<Iq4NlBlock>("IQ4_NL"), row<Iq4XsBlock>("IQ4_XS"), row<Mxfp4Block>("MXFP4"),
};
static_assert(std::size(kFormats) == std::size(kAllQuantTypes));

// Types that exist but that paceline does not compute with (spec section 9.1).
constexpr std::pair<uint32_t, std::string_view> kOtherTypes[] = {
    {9, "Q8_1"},   {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"}, {19, "IQ1_S"}, {21, "IQ3_S"},
    {22, "IQ2_S"}, {24, "I8"},    {25, "I16"},     {26, "I32"},    {27, "I64"},     {28, "F64"},   {29, "IQ1_M"},
    {34, "TQ1_0"}, {35, "TQ2_0"}, {40, "NVFP4"},   {41, "Q1_0"},   {42, "Q2_0"},
};

}  // namespace

const FormatInfo& format_info(QuantType type) {
  for (const FormatInfo& info : kFormats)
    if (info.type == type) return info;
  fail("quantization type ", static_cast<uint32_t>(type), " is not one of the supported types");
}

std::optional<QuantType> quant_type_from_id(uint32_t id) {
  for (const FormatInfo& info : kFormats)
    if (static_cast<uint32_t>(info.type) == id) return info.type;
  return std::nullopt;
}

std::optional<QuantType> quant_type_from_name(std::string_view name) {
  for (const FormatInfo& info : kFormats)
    if (equal_ignoring_case(info.name, name)) return info.type;
  return std::nullopt;
}

std::string_view gguf_type_name(uint32_t id) {
  if (const auto type = quant_type_from_id(id)) return format_info(*type).name;
  for (const auto& [other, name] : kOtherTypes)
    if (other == id) return name;
  return "";
}

}  // namespace paceline

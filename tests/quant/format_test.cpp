// The table of formats, and the conversions between float and the two 16-bit floats, exhaustively.
#include "quant/format.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <set>
#include <string>

#include "base/error.h"
#include "quant/f16.h"
#include "quant/spec_formulas.h"

namespace paceline::test {

namespace {

TEST(Format, TableHasTheSizesOfTheSpec) {
  struct Row {
    QuantType type;
    const char* name;
    int block_size, block_bytes;
  };
  const Row rows[] = {
      {QuantType::F32, "F32", 1, 4},           {QuantType::F16, "F16", 1, 2},
      {QuantType::BF16, "BF16", 1, 2},         {QuantType::Q4_0, "Q4_0", 32, 18},
      {QuantType::Q4_1, "Q4_1", 32, 20},       {QuantType::Q5_0, "Q5_0", 32, 22},
      {QuantType::Q5_1, "Q5_1", 32, 24},       {QuantType::Q8_0, "Q8_0", 32, 34},
      {QuantType::Q2_K, "Q2_K", 256, 84},      {QuantType::Q3_K, "Q3_K", 256, 110},
      {QuantType::Q4_K, "Q4_K", 256, 144},     {QuantType::Q5_K, "Q5_K", 256, 176},
      {QuantType::Q6_K, "Q6_K", 256, 210},     {QuantType::IQ4_NL, "IQ4_NL", 32, 18},
      {QuantType::IQ4_XS, "IQ4_XS", 256, 136}, {QuantType::MXFP4, "MXFP4", 32, 17},
  };
  ASSERT_EQ(std::size(rows), std::size(kAllQuantTypes));
  for (const Row& row : rows) {
    const FormatInfo& info = format_info(row.type);
    EXPECT_EQ(info.type, row.type);
    EXPECT_EQ(info.name, row.name);
    EXPECT_EQ(info.block_size, row.block_size) << row.name;
    EXPECT_EQ(info.block_bytes, row.block_bytes) << row.name;
    EXPECT_EQ(info.can_encode, info.encode != nullptr);
    EXPECT_EQ(row_bytes(row.type, 512), static_cast<size_t>(512 / row.block_size * row.block_bytes)) << row.name;
  }
}

TEST(Format, IsFoundByIdAndName) {
  for (const QuantType type : kAllQuantTypes) {
    std::string name(format_info(type).name);
    EXPECT_EQ(quant_type_from_id(static_cast<uint32_t>(type)), type);
    EXPECT_EQ(quant_type_from_name(name), type);
    for (char& letter : name) letter = static_cast<char>(std::tolower(letter));
    EXPECT_EQ(quant_type_from_name(name), type);
  }
  for (const uint32_t id : {4u, 5u, 9u, 15u, 16u, 24u, 40u, 43u, 1000u}) EXPECT_FALSE(quant_type_from_id(id)) << id;
  for (const char* name : {"", "Q4", "Q4_K_M", "IQ2_XXS", "Q4_KK"}) EXPECT_FALSE(quant_type_from_name(name)) << name;
  EXPECT_THROW(format_info(static_cast<QuantType>(16)), Error);
}

TEST(Format, EveryKnownIdHasAName) {
  const std::set<uint32_t> retired = {4, 5, 31, 32, 33, 36, 37, 38};
  std::set<std::string_view> names;
  for (uint32_t id = 0; id <= 42; ++id) {
    EXPECT_EQ(gguf_type_name(id).empty(), retired.contains(id)) << id;
    EXPECT_TRUE(retired.contains(id) || names.insert(gguf_type_name(id)).second) << id;
  }
  EXPECT_EQ(gguf_type_name(16), "IQ2_XXS");
  EXPECT_EQ(gguf_type_name(40), "NVFP4");
  EXPECT_EQ(gguf_type_name(43), "");
}

uint16_t half_bits(uint32_t value) { return static_cast<uint16_t>(value); }

TEST(Half, EveryValueDecodesByDefinitionAndEncodesBack) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = half_to_float(half_bits(bits));
    if (std::isnan(spec_half(bits))) {
      ASSERT_TRUE(std::isnan(value)) << bits;
      ASSERT_EQ(float_to_half(value), bits | 0x200) << "a NaN keeps its payload and becomes quiet";
    } else {
      ASSERT_EQ(std::bit_cast<uint32_t>(value), std::bit_cast<uint32_t>(spec_half(bits))) << bits;
      ASSERT_EQ(float_to_half(value), bits);
    }
  }
}

// Between each pair of neighbours: the middle goes to the even one, anything off the middle to the nearer one.
TEST(Half, RoundsToNearestEven) {
  for (uint32_t bits = 0; bits < 0x7c00; ++bits) {
    const double low = static_cast<double>(half_to_float(half_bits(bits)));
    const double high = bits == 0x7bff ? 65536.0 : static_cast<double>(half_to_float(half_bits(bits + 1)));
    const float middle = static_cast<float>((low + high) / 2);  // exact
    for (const float sign : {1.0f, -1.0f}) {
      const uint32_t sign_bit = sign < 0 ? 0x8000 : 0;
      ASSERT_EQ(float_to_half(sign * middle), (bits + (bits & 1)) | sign_bit) << bits;
      ASSERT_EQ(float_to_half(sign * std::nextafter(middle, 0.0f)), bits | sign_bit) << bits;
      ASSERT_EQ(float_to_half(sign * std::nextafter(middle, 1e9f)), (bits + 1) | sign_bit) << bits;
    }
  }
  EXPECT_EQ(float_to_half(std::numeric_limits<float>::infinity()), 0x7c00);
  EXPECT_EQ(float_to_half(-3e38f), 0xfc00);
  EXPECT_EQ(float_to_half(1e-30f), 0);
}

TEST(Bfloat16, EveryValueEncodesBackAndRoundsToNearestEven) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = bfloat16_to_float(half_bits(bits));
    ASSERT_EQ(std::bit_cast<uint32_t>(value), bits << 16);
    ASSERT_EQ(float_to_bfloat16(value), std::isnan(value) ? bits | 0x40 : bits);
    if ((bits & 0x7fff) >= 0x7f80) continue;
    ASSERT_EQ(float_to_bfloat16(std::bit_cast<float>((bits << 16) | 0x7fff)), bits);
    ASSERT_EQ(float_to_bfloat16(std::bit_cast<float>((bits << 16) | 0x8000)), bits + (bits & 1));
    ASSERT_EQ(float_to_bfloat16(std::bit_cast<float>((bits << 16) | 0x8001)), bits + 1);
  }
}

// The float types keep what is not finite, as they are used for values as well as for weights.
TEST(Format, FloatTypesKeepInfinity) {
  for (const QuantType type : {QuantType::F32, QuantType::F16, QuantType::BF16}) {
    const float values[] = {1.5f, -std::numeric_limits<float>::infinity(), 0.0f,
                            std::numeric_limits<float>::quiet_NaN()};
    std::byte bytes[16];
    float back[4];
    format_info(type).encode(values, bytes, 4);
    format_info(type).decode(bytes, back, 4);
    EXPECT_EQ(back[0], values[0]);
    EXPECT_EQ(back[1], values[1]);
    EXPECT_EQ(back[2], 0.0f);
    EXPECT_TRUE(std::isnan(back[3]));
  }
}

}  // namespace

}  // namespace paceline::test

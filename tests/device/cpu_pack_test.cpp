// Packing loses nothing: a panel, read as panel_layout.h describes it, decodes to the very values of the file's blocks.
#include <gtest/gtest.h>

#include "device/cpu/pack.h"
#include "device/cpu_support.h"
#include "quant/f16.h"
#include "quant/iq4_nl.h"
#include "quant/mxfp4.h"

namespace paceline::cpu {
namespace {

struct PanelReader {
  QuantType type;
  const std::byte* panel;

  PanelLayout layout() const { return panel_layout(type); }
  const std::byte* group(int col) const {
    return panel + col / kBlockColumns / layout().blocks_per_group * layout().group_bytes();
  }
  int block(int col) const { return col / kBlockColumns % layout().blocks_per_group; }
  uint8_t byte(const std::byte* at) const { return static_cast<uint8_t>(*at); }
  float half(const std::byte* at, int row) const {
    uint16_t bits;
    std::memcpy(&bits, at + 2 * row, 2);
    return half_to_float(bits);
  }

  // Vector `vector` of a code area: the byte of a row and a column within the block.
  uint8_t code_byte(const std::byte* area, int vector, int row, int col) const {
    return byte(area + 64 * vector + 4 * row + col % 4);
  }

  int code(int row, int col) const {
    const std::byte* area = group(col) + layout().header_bytes + block(col) * layout().code_bytes();
    const std::byte* high = area + 64 * layout().low_bits;
    const int j = col % kBlockColumns / 4;
    int value = 0;
    if (layout().low_bits == 8) value = code_byte(area, j, row, col);
    if (layout().low_bits == 4) value = code_byte(area, j / 2, row, col) >> (4 * (j % 2)) & 15;
    if (layout().low_bits == 2) value = code_byte(area, j / 4, row, col) >> (2 * (j % 4)) & 3;
    if (layout().high_bits == 1) value |= (code_byte(high, 0, row, col) >> j & 1) << layout().low_bits;
    if (layout().high_bits == 2) value |= (code_byte(high, j / 4, row, col) >> (2 * (j % 4)) & 3) << layout().low_bits;
    return value;
  }

  float float_element(int row, int col) const {
    const std::byte* at = panel + (col * kPanelRows + row) * (type == QuantType::F32 ? 4 : 2);
    if (type == QuantType::F16) return half(at, 0);
    uint32_t bits = 0;
    std::memcpy(&bits, at, type == QuantType::F32 ? 4 : 2);
    return type == QuantType::F32 ? std::bit_cast<float>(bits) : bfloat16_to_float(static_cast<uint16_t>(bits));
  }

  float element(int row, int col) const {
    if (is_float_format(type)) return float_element(row, col);
    const std::byte* g = group(col);
    const int b = block(col), half_block = col % kBlockColumns / 16;
    const float q = static_cast<float>(code(row, col));
    const auto u8 = [&](int offset) { return int{byte(g + offset + row)}; };
    const auto pair = [&](int which) {  // the first or second six-bit value of the block
      const int low = u8(64 + 64 * which + 16 * (b / 2)) >> (4 * (b % 2)) & 15;
      return static_cast<float>(low | (u8(192 + 16 * (b / 2)) >> (4 * (b % 2) + 2 * which) & 3) << 4);
    };
    const auto i8 = [&](int offset) { return static_cast<float>(static_cast<int8_t>(byte(g + offset + row))); };
    switch (type) {
      case QuantType::Q8_0: return (q - 128) * half(g + 32 * b, row);
      case QuantType::Q4_0: return (q - 8) * half(g + 32 * b, row);
      case QuantType::Q5_0: return (q - 16) * half(g + 32 * b, row);
      case QuantType::IQ4_NL: return static_cast<float>(kIq4Values[code(row, col)]) * half(g + 32 * b, row);
      case QuantType::MXFP4:
        return static_cast<float>(kMxfp4Values[code(row, col)]) * mxfp4_scale(byte(g + 16 * b + row));
      case QuantType::Q4_1:
      case QuantType::Q5_1: return q * half(g, row) + half(g + 32, row);
      case QuantType::Q4_K:
      case QuantType::Q5_K: return half(g, row) * pair(0) * q - half(g + 32, row) * pair(1);
      case QuantType::Q6_K: return half(g, row) * i8(64 + 32 * b + 16 * half_block) * (q - 32);
      case QuantType::Q3_K: return half(g, row) * (pair(half_block) - 32) * (q - 4);
      case QuantType::IQ4_XS: {
        const int low = u8(64 + 16 * (b / 2)) >> (4 * (b % 2)) & 15, high = u8(32 + 16 * (b / 4)) >> (2 * (b % 4)) & 3;
        return half(g, row) * static_cast<float>((low | high << 4) - 32) *
               static_cast<float>(kIq4Values[code(row, col)]);
      }
      case QuantType::Q2_K: {
        const uint8_t both = byte(g + 64 + 32 * b + 16 * half_block + row);
        return half(g, row) * static_cast<float>(both & 15) * q - half(g + 32, row) * static_cast<float>(both >> 4);
      }
      case QuantType::F32:
      case QuantType::F16:
      case QuantType::BF16: break;
    }
    return 0;
  }
};

// Any bytes are a valid block: all codes and scales occur, infinities and NaN too.
std::vector<std::byte> random_bytes(uint64_t seed, size_t count) {
  std::vector<std::byte> bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(random_word(seed, i));
  return bytes;
}

bool same_value(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

class PackTest : public testing::TestWithParam<QuantType> {};

TEST_P(PackTest, PanelsDecodeToTheFile) {
  const QuantType type = GetParam();
  const FormatInfo& format = format_info(type);
  for (const int rows : {16, 37}) {
    const int cols = format.block_size == 1 ? 77 : 3 * std::max(format.block_size, 160);  // an odd number of groups
    const std::vector<std::byte> bytes =
        random_bytes(7 + static_cast<uint64_t>(rows), row_bytes(type, cols) * static_cast<size_t>(rows));
    CpuWeight weight({type, rows, cols, bytes}, WeightUse::Project, 1);
    ThreadPool pool(2);
    weight.pack(pool);
    std::vector<float> expected(static_cast<size_t>(cols));
    for (int row = 0; row < rows; ++row) {
      format.decode(weight.file_row(row), expected.data(), expected.size());
      const PanelReader reader{type, weight.panel(0, row / kPanelRows)};
      for (int col = 0; col < cols; ++col) {
        const float got = reader.element(row % kPanelRows, col), want = expected[static_cast<size_t>(col)];
        ASSERT_TRUE(same_value(got, want))
            << format.name << " row " << row << " column " << col << " is " << got << ", expected " << want;
      }
    }
  }
}

TEST_P(PackTest, ExpertsStartOnPanels) {
  const QuantType type = GetParam();
  const FormatInfo& format = format_info(type);
  const int rows = 21, cols = std::max(format.block_size, 32), experts = 3;
  const std::vector<std::byte> bytes = random_bytes(9, row_bytes(type, cols) * static_cast<size_t>(rows * experts));
  CpuWeight weight({type, rows * experts, cols, bytes}, WeightUse::Experts, experts);
  ThreadPool pool(1);
  weight.pack(pool);
  ASSERT_EQ(weight.rows, rows);
  std::vector<float> expected(static_cast<size_t>(cols));
  for (int expert = 0; expert < experts; ++expert)
    for (int row = 0; row < rows; ++row) {
      format.decode(weight.file_row(expert * rows + row), expected.data(), expected.size());
      const PanelReader reader{type, weight.panel(expert, row / kPanelRows)};
      for (int col = 0; col < cols; ++col)
        ASSERT_TRUE(same_value(reader.element(row % kPanelRows, col), expected[static_cast<size_t>(col)]))
            << format.name << " " << expert << " " << row;
    }
}

// What a weight costs in memory, against the file.
TEST_P(PackTest, PanelsAreNotMuchLargerThanTheFile) {
  const QuantType type = GetParam();
  const double packed = static_cast<double>(panel_bytes(type, 2560)),
               file = static_cast<double>(row_bytes(type, 2560) * kPanelRows);
  EXPECT_GE(packed, file);
  EXPECT_LE(packed, file * 1.02) << format_info(type).name;
}

std::string format_name(const testing::TestParamInfo<QuantType>& info) {
  return std::string(format_info(info.param).name);
}

INSTANTIATE_TEST_SUITE_P(Formats, PackTest, testing::ValuesIn(kAllQuantTypes), format_name);

}  // namespace
}  // namespace paceline::cpu

// Packing for the CUDA device loses nothing: a panel, read as fragment_layout.h describes it, decodes to the very values of the file's
// blocks. Needs no GPU.
#include <gtest/gtest.h>

#include <cstring>

#include "device/cpu_support.h"
#include "device/cuda/packing/fragments.h"
#include "quant/f16.h"
#include "quant/iq4_nl.h"
#include "quant/mxfp4.h"

namespace paceline::cuda {
namespace {

// Reads a panel by the words of the layout's description, not by the packer's arithmetic.
struct FragmentReader {
  QuantType type;
  const std::byte* panel;
  int cols;

  FragmentLayout layout() const { return fragment_layout(type); }
  uint8_t byte(const std::byte* at) const { return static_cast<uint8_t>(*at); }
  float half(const std::byte* at) const {
    uint16_t bits;
    std::memcpy(&bits, at, 2);
    return half_to_float(bits);
  }
  const std::byte* group(int col) const { return panel + col / kGroupColumns * layout().group_bytes(); }

  // The lane that holds an element, which of its words a0 … a3, and which byte of that word.
  struct Place {
    int lane, word, byte;
  };
  static Place place(int row, int col) {
    const int inside = col % 32, half_block = inside / 16, column = inside % 16;
    return {row % 8 * 4 + column / 4, 2 * half_block + row / 8, column % 4};
  }

  int bits(const std::byte* plane, int width, int row, int col) const {
    const Place at = place(row, col);
    const int b = col % kGroupColumns / 32;
    const std::byte* mine = plane + 16 * at.lane;
    switch (width) {
      case 8: return byte(mine + 512 * b + 4 * at.word + at.byte);
      case 4: {
        const uint8_t pair = byte(mine + 512 * (b / 2) + 8 * (b % 2) + 4 * (at.word / 2) + at.byte);
        return at.word % 2 == 0 ? pair & 15 : pair >> 4;
      }
      case 2: return byte(mine + 512 * (b / 4) + 4 * (b % 4) + at.byte) >> (2 * at.word) & 3;
      case 1: return byte(mine + 4 * (b / 2) + at.byte) >> (4 * (b % 2) + at.word) & 1;
      default: return 0;
    }
  }

  int code(int row, int col) const {
    const int low = bits(group(col) + layout().header_bytes(), layout().low_bits, row, col);
    return low | bits(group(col) + layout().high_offset(), layout().high_bits, row, col) << layout().low_bits;
  }

  float float_element(int row, int col) const {
    const size_t index = static_cast<size_t>(col / 32 * 16 * 32 + row * 32 + col % 32);
    if (type == QuantType::F16) return half(panel + 2 * index);
    uint32_t word = 0;
    std::memcpy(&word, panel + index * (type == QuantType::F32 ? 4 : 2), type == QuantType::F32 ? 4 : 2);
    return type == QuantType::F32 ? std::bit_cast<float>(word) : bfloat16_to_float(static_cast<uint16_t>(word));
  }

  float element(int row, int col) const {
    if (is_float_format(type)) return float_element(row, col);
    const std::byte *supers = group(col) + 4 * row,
                    *record = group(col) + layout().records_offset() + row * layout().record_bytes;
    const int b = col % kGroupColumns / 32, h = col % kGroupColumns / 16;
    const float q = static_cast<float>(code(row, col));
    const auto i8 = [&](int index) { return static_cast<float>(static_cast<int8_t>(byte(record + index))); };
    const auto u8 = [&](int index) { return static_cast<float>(byte(record + index)); };
    switch (type) {
      case QuantType::Q8_0: return static_cast<float>(static_cast<int8_t>(code(row, col))) * half(record + 2 * b);
      case QuantType::Q4_0: return (q - 8) * half(record + 2 * b);
      case QuantType::Q5_0: return (q - 16) * half(record + 2 * b);
      case QuantType::IQ4_NL: return static_cast<float>(kIq4Values[code(row, col)]) * half(record + 2 * b);
      case QuantType::MXFP4: return static_cast<float>(kMxfp4Values[code(row, col)]) * mxfp4_scale(byte(record + b));
      case QuantType::Q4_1:
      case QuantType::Q5_1: return q * half(record + 2 * b) + half(record + 16 + 2 * b);
      case QuantType::Q4_K:
      case QuantType::Q5_K: return half(supers) * u8(b) * q - half(supers + 2) * u8(8 + b);
      case QuantType::Q6_K: return half(supers) * i8(h) * (q - 32);
      case QuantType::Q3_K: return half(supers) * i8(h) * (q - 4);
      case QuantType::IQ4_XS: return half(supers) * i8(b) * static_cast<float>(kIq4Values[code(row, col)]);
      case QuantType::Q2_K: {
        const int both = byte(record + h);
        return half(supers) * static_cast<float>(both & 15) * q - half(supers + 2) * static_cast<float>(both >> 4);
      }
      default: return 0;
    }
  }
};

// Any bytes are a valid block: all codes and scales occur, infinities and NaN too.
std::vector<std::byte> random_bytes(uint64_t seed, size_t count) {
  std::vector<std::byte> bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(random_word(seed, i));
  return bytes;
}

bool same_value(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

class FragmentTest : public testing::TestWithParam<QuantType> {
 protected:
  // A panel of `rows` rows (the others do not exist) in memory that held something else before.
  std::vector<std::byte> pack(const std::vector<std::byte>& bytes, int rows, int cols) const {
    std::vector<std::byte> panel(panel_bytes(GetParam(), cols), std::byte{0xa5});
    const std::byte* sources[kPanelRows] = {};
    for (int row = 0; row < rows; ++row)
      sources[row] = bytes.data() + static_cast<size_t>(row) * row_bytes(GetParam(), cols);
    pack_panel(GetParam(), sources, cols, panel.data());
    return panel;
  }
};

TEST_P(FragmentTest, PanelsDecodeToTheFile) {
  const FormatInfo& format = format_info(GetParam());
  for (const int rows : {16, 5}) {
    // An unfinished last group, or rows that are no multiple of eight columns.
    const int cols = format.block_size == 1 ? 77 : (format.block_size == 32 ? 9 * 32 : 3 * 256);
    const std::vector<std::byte> bytes =
        random_bytes(7 + static_cast<uint64_t>(rows), row_bytes(format.type, cols) * static_cast<size_t>(rows));
    const std::vector<std::byte> panel = pack(bytes, rows, cols);
    const FragmentReader reader{format.type, panel.data(), cols};
    std::vector<float> expected(static_cast<size_t>(cols));
    for (int row = 0; row < rows; ++row) {
      format.decode(bytes.data() + static_cast<size_t>(row) * row_bytes(format.type, cols), expected.data(),
                    expected.size());
      for (int col = 0; col < cols; ++col) {
        const float got = reader.element(row, col), want = expected[static_cast<size_t>(col)];
        ASSERT_TRUE(same_value(got, want))
            << format.name << " row " << row << " column " << col << " is " << got << ", expected " << want;
      }
    }
  }
}

// Kernels compute rows and columns that do not exist and expect zeros: scales of zero, and no stray codes.
TEST_P(FragmentTest, WhatDoesNotExistIsZero) {
  const FormatInfo& format = format_info(GetParam());
  const int cols = format.block_size == 1 ? 13 : std::max(format.block_size, 32);
  const std::vector<std::byte> bytes(row_bytes(format.type, cols) * 3, std::byte{0xff});
  std::vector<std::byte> expected = pack(bytes, 3, cols);
  const FragmentReader reader{format.type, expected.data(), cols};
  for (int row = 0; row < kPanelRows; ++row)
    for (int col = 0; col < (is_float_format(format.type) ? block_count(cols) * 32 : kGroupColumns); ++col) {
      if (row < 3 && col < cols) continue;
      if (is_float_format(format.type))
        ASSERT_EQ(reader.float_element(row, col), 0.0f) << format.name << " " << row << " " << col;
      else ASSERT_EQ(reader.code(row, col), 0) << format.name << " " << row << " " << col;
    }
  if (is_float_format(format.type)) return;
  const FragmentLayout layout = fragment_layout(format.type);
  for (int row = 3; row < kPanelRows; ++row)
    for (int i = 0; i < layout.record_bytes; ++i)
      ASSERT_EQ(expected[static_cast<size_t>(layout.records_offset() + row * layout.record_bytes + i)], std::byte{0})
          << format.name;
}

// What a weight costs in memory, against the file.
TEST_P(FragmentTest, PanelsAreNotMuchLargerThanTheFile) {
  const double packed = static_cast<double>(panel_bytes(GetParam(), 2560)),
               file = static_cast<double>(row_bytes(GetParam(), 2560) * kPanelRows);
  EXPECT_GE(packed, file);
  EXPECT_LE(packed, file * 1.06) << format_info(GetParam()).name;
}

TEST_P(FragmentTest, EveryLoadOfAWarpIsAligned) {
  EXPECT_EQ(fragment_layout(GetParam()).header_bytes() % 64, 0);
  EXPECT_EQ(panel_bytes(GetParam(), 512) % 64, 0u);
}

INSTANTIATE_TEST_SUITE_P(Formats, FragmentTest, testing::ValuesIn(kAllQuantTypes),
                         [](const auto& parameter) { return std::string(format_info(parameter.param).name); });

}  // namespace
}  // namespace paceline::cuda

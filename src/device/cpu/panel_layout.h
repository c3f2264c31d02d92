#pragma once
// How weights lie in memory: panels of 16 outputs. A panel of a quantized format is a run of groups; a group is a header with the scales of
// its 16 rows, then one code area per block of 32 columns. Codes come in vectors of 64 bytes: vector j holds columns 4j … 4j+3 of row
// 0, of row 1, … of row 15, so one load serves 16 outputs and one broadcast of four activations multiplies it. Everything is a
// multiple of 64 bytes, nothing is lost: the panel decodes to the file's values exactly.
//
// Narrow codes share vectors: nibble vector v has columns 4(2v) … in its low and 4(2v+1) … in its high halves; two-bit vector m holds
// vectors 4m … 4m+3; a one-bit vector holds all eight. Panels are the same for every instruction set. F16, BF16 and F32 panels
// are columns of 16 values.
//
// Scales of K formats are arrays of 16 bytes, one byte per row. "Pairs of six bits" are 192 bytes from 64 on: 4 arrays of low nibbles of
// the first (array p: block 2p in the low, 2p+1 in the high halves), 4 of the second, 4 of high bits (2p: first << 0 | second << 2,
// 2p+1: first << 4 | second << 6).
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "quant/format.h"

namespace paceline::cpu {

inline constexpr int kPanelRows = 16;
inline constexpr int kBlockColumns = 32;

struct PanelLayout {
  int blocks_per_group = 0;  // 0: a float format, one group per column
  int header_bytes = 0;
  int low_bits = 0, high_bits = 0;  // of a code: 8+0, 4+0, 4+1, 4+2, 2+0 or 2+1

  constexpr int code_bytes() const { return (low_bits + high_bits) * 64; }
  constexpr int group_bytes() const { return header_bytes + blocks_per_group * code_bytes(); }
};

constexpr PanelLayout panel_layout(QuantType type) {
  switch (type) {
    case QuantType::F32: return {0, 64, 0, 0};
    case QuantType::F16:
    case QuantType::BF16: return {0, 32, 0, 0};
    case QuantType::Q8_0: return {2, 64, 8, 0};  // 2 x 16 f16 scales
    case QuantType::Q4_0:
    case QuantType::IQ4_NL: return {2, 64, 4, 0};
    case QuantType::Q5_0: return {2, 64, 4, 1};
    case QuantType::Q4_1: return {1, 64, 4, 0};  // 16 f16 scales, 16 f16 minima
    case QuantType::Q5_1: return {1, 64, 4, 1};
    case QuantType::MXFP4: return {4, 64, 4, 0};  // 4 x 16 exponents
    case QuantType::Q4_K: return {8, 256, 4, 0};  // 16 d, 16 dmin; pairs of six bits: scale, minimum of a block
    case QuantType::Q5_K: return {8, 256, 4, 1};
    case QuantType::Q2_K: return {8, 320, 2, 0};  // 16 d, 16 dmin; per block 2 x 16 (scale | min << 4)
    case QuantType::Q6_K: return {8, 320, 4, 2};  // 16 d, 32 unused bytes; per block 2 x 16 scales (i8)
    case QuantType::Q3_K: return {8, 256, 2, 1};  // 16 d, 32 unused bytes; pairs: scales + 32 of the halves of a block
    case QuantType::IQ4_XS:
      return {8, 128, 4, 0};  // 16 d; scales + 32: two high bits (2 x 16), then low nibbles (4 x 16)
  }
  return {};
}

constexpr bool is_float_format(QuantType type) { return panel_layout(type).blocks_per_group == 0; }

// Bytes of a panel of `cols` columns.
constexpr size_t panel_bytes(QuantType type, int cols) {
  const PanelLayout layout = panel_layout(type);
  if (is_float_format(type))
    return (static_cast<size_t>(cols) * static_cast<size_t>(layout.header_bytes) + 63) / 64 * 64;
  const int blocks = cols / kBlockColumns, groups = (blocks + layout.blocks_per_group - 1) / layout.blocks_per_group;
  return static_cast<size_t>(groups) * static_cast<size_t>(layout.group_bytes());
}

// Activations of 32 columns of one row: int8 with a scale, and the sums that offsets and minima of weights are multiplied with. One
// format for all quantized weights. `low` and `high` are the halves of 16 columns.
inline constexpr int kSumOffset = 128,
                     kHalfOffset = 32;  // the commonest offsets of codes; the others are powers of two below them
struct alignas(64) ActivationBlock {
  int8_t codes[kBlockColumns];
  float scale;
  float scaled_sum, scaled_low, scaled_high;  // scale * sum of codes
  int32_t offset_sum, offset_low, offset_high;  // -kSumOffset * sum of codes, -kHalfOffset * sum of a half's
  int32_t unused;
};
static_assert(sizeof(ActivationBlock) == 64);

// How far the stored sum of a whole block (eight vectors of codes) or of a half is shifted right to be that of a smaller offset.
constexpr int offset_shift(int vectors, int offset) {
  int shift = 0;
  for (int stored = vectors == 8 ? kSumOffset : kHalfOffset; stored > offset; stored /= 2) ++shift;
  return shift;
}

// Kernels exist for these numbers of rows, up to what an instruction set's registers hold; any number of rows is cut into groups of the
// largest and a rest that is padded with zero rows.
inline constexpr int kTileRows[] = {1, 2, 3, 4, 5, 6, 7, 8, 16};
inline constexpr int kTileCount = static_cast<int>(std::size(kTileRows));
inline constexpr int kLargestFloatTile = 8;  // float rows need two accumulators each

// Index into kTileRows of the smallest kernel for `rows` rows.
constexpr int tile_index(int rows) {
  int index = 0;
  while (kTileRows[index] < rows) ++index;
  return index;
}

constexpr int padded_rows(int rows) { return kTileRows[tile_index(rows)]; }

}  // namespace paceline::cpu

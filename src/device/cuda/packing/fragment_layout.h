#pragma once
// How weights lie in a GPU's memory: panels of 16 outputs, in the order in which the lanes of a warp hold the first operand of the int8
// tensor-core product m16n8k32. A panel of a quantized format is a run of groups of 256 columns (the last one filled up with zeros), a
// group is a header with the scales of its 16 rows and then its codes. Nothing is lost: a panel decodes to the file's values exactly.
//
// Fragments. Of a block of 32 columns lane l holds four words of four codes, `a0 … a3`: rows l/4, l/4 + 8, l/4, l/4 + 8; columns
// 4(l%4) … + 3 in a0 and a1, 16 columns further in a2 and a3.
//
// Codes are stored in planes of 8, 4, 2 or 1 bits. A plane is a run of vectors of 512 bytes, 16 bytes per lane, so that every load of a warp
// is one whole contiguous piece; in its 16 bytes a lane finds
//   8 bits: block v of vector v, words a0 a1 a2 a3
//   4 bits: blocks 2v and 2v + 1; words a0 | a1 << 4 and a2 | a3 << 4 of each
//   2 bits: blocks 4v … 4v + 3; a word a0 | a1 << 2 | a2 << 4 | a3 << 6 of each
//   1 bit:  all eight blocks; word p has block 2p in bits 0-3 of its bytes (a0 … a3) and block 2p + 1 in bits 4-7
// Codes of 5 and 6 bits are a plane of 4 and one of 1 or 2; those of 3 bits a plane of 2 and one of 1.
//
// Header: for the K formats and IQ4_XS 16 pairs of halves (d, dmin; 0 where the format has none), then one record of scales per row.
// Scales are whole bytes where the file packs six bits: Q4_K costs 4.625 bits per weight instead of 4.5, and a lane gets all scales of a
// row and group in one load of 16 bytes.
//
// F32, F16 and BF16 weights are blocks of 32 columns of the 16 rows, row after row, the last block filled up with zeros. In a block of 16-bit
// values lane l finds columns 8(l%4) … + 7 of row l/4 at byte 16 l, and those of row l/4 + 8 512 bytes further: fragments of two products of
// depth 16, whose columns may be in any order as long as the rows' are in the same.
#include <cstddef>
#include <cstdint>

#include "quant/format.h"

namespace paceline::cuda {

inline constexpr int kPanelRows = 16;
inline constexpr int kBlockColumns = 32;
inline constexpr int kGroupBlocks = 8;
inline constexpr int kGroupColumns = kGroupBlocks * kBlockColumns;
inline constexpr int kVectorBytes = 512;  // 16 for each lane of a warp
inline constexpr int kSuperBytes = 4 * kPanelRows;

struct FragmentLayout {
  int low_bits = 0, high_bits = 0;  // of a code; 0: a float format
  bool supers = false;  // (d, dmin) before the records
  int record_bytes = 0;  // scales of a row and group

  constexpr int records_offset() const { return supers ? kSuperBytes : 0; }
  constexpr int header_bytes() const { return records_offset() + kPanelRows * record_bytes; }
  constexpr int high_offset() const { return header_bytes() + low_bits * kVectorBytes; }
  constexpr int group_bytes() const { return high_offset() + high_bits * kVectorBytes; }
};

constexpr FragmentLayout fragment_layout(QuantType type) {
  switch (type) {
    case QuantType::F32:
    case QuantType::F16:
    case QuantType::BF16: return {};
    case QuantType::Q8_0: return {8, 0, false, 16};  // codes are the file's signed bytes; record: 8 f16 scales
    case QuantType::Q4_0:
    case QuantType::IQ4_NL: return {4, 0, false, 16};
    case QuantType::Q5_0: return {4, 1, false, 16};
    case QuantType::Q4_1: return {4, 0, false, 32};  // 8 f16 scales, 8 f16 minima
    case QuantType::Q5_1: return {4, 1, false, 32};
    case QuantType::MXFP4: return {4, 0, false, 8};  // 8 exponents
    case QuantType::Q4_K: return {4, 0, true, 16};  // 8 scales, 8 minima
    case QuantType::Q5_K: return {4, 1, true, 16};
    case QuantType::Q2_K: return {2, 0, true, 16};  // per half block: scale | minimum << 4
    case QuantType::Q6_K: return {4, 2, true, 16};  // per half block: scale (i8)
    case QuantType::Q3_K: return {2, 1, true, 16};  // per half block: scale - 32 (i8)
    case QuantType::IQ4_XS: return {4, 0, true, 8};  // scale - 32 (i8)
  }
  return {};
}

constexpr bool is_float_format(QuantType type) { return fragment_layout(type).low_bits == 0; }

constexpr int group_count(int cols) { return (cols + kGroupColumns - 1) / kGroupColumns; }

// Of a float format: blocks of a panel, and where a value is in it, counted in values.
constexpr int block_count(int cols) { return (cols + kBlockColumns - 1) / kBlockColumns; }
constexpr int64_t float_place(int row, int col) {
  return (int64_t{col / kBlockColumns} * kPanelRows + row) * kBlockColumns + col % kBlockColumns;
}

// Bytes of a panel of `cols` columns.
constexpr size_t panel_bytes(QuantType type, int cols) {
  if (is_float_format(type))
    return static_cast<size_t>(block_count(cols) * kPanelRows * kBlockColumns) * (type == QuantType::F32 ? 4 : 2);
  return static_cast<size_t>(group_count(cols)) * static_cast<size_t>(fragment_layout(type).group_bytes());
}

}  // namespace paceline::cuda

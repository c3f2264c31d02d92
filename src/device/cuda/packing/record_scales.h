#pragma once
// The scales of a block of the file, written where a group's header wants them (fragment_layout.h): `supers` are the row's two halves,
// `record` is the row's record; both start as zeros. `b` is the block of 32 columns within the group, 0 for the formats with super-blocks.
#include <cstring>

#include "device/packing/codes.h"

namespace paceline::cuda {

struct RowHeader {
  std::byte* supers;
  std::byte* record;

  void half(int index, uint16_t value) const { std::memcpy(record + 2 * index, &value, 2); }
  void byte(int index, int value) const { record[index] = static_cast<std::byte>(value); }
  void super(int index, uint16_t value) const { std::memcpy(supers + 2 * index, &value, 2); }
};

inline void put_scales(const Q8_0Block& block, int b, RowHeader row) { row.half(b, block.scale); }
inline void put_scales(const Q4_0Block& block, int b, RowHeader row) { row.half(b, block.scale); }
inline void put_scales(const Q5_0Block& block, int b, RowHeader row) { row.half(b, block.scale); }
inline void put_scales(const Iq4NlBlock& block, int b, RowHeader row) { row.half(b, block.scale); }
inline void put_scales(const Mxfp4Block& block, int b, RowHeader row) { row.byte(b, block.exponent); }
inline void put_scales(const Q4_1Block& block, int b, RowHeader row) {
  row.half(b, block.scale);
  row.half(8 + b, block.minimum);
}
inline void put_scales(const Q5_1Block& block, int b, RowHeader row) {
  row.half(b, block.scale);
  row.half(8 + b, block.minimum);
}

template <class Block>
void put_scales_and_minima(const Block& block, RowHeader row) {
  row.super(0, block.super_scale);
  row.super(1, block.super_minimum);
  const GroupScales scales = unpack_group_scales(block.scales);
  for (int b = 0; b < 8; ++b) {
    row.byte(b, scales.scale[b]);
    row.byte(8 + b, scales.minimum[b]);
  }
}
inline void put_scales(const Q4_KBlock& block, int, RowHeader row) { put_scales_and_minima(block, row); }
inline void put_scales(const Q5_KBlock& block, int, RowHeader row) { put_scales_and_minima(block, row); }
inline void put_scales(const Q6_KBlock& block, int, RowHeader row) {
  row.super(0, block.super_scale);
  for (int i = 0; i < 16; ++i) row.byte(i, block.scales[i]);
}
inline void put_scales(const Q3_KBlock& block, int, RowHeader row) {
  row.super(0, block.super_scale);
  for (int i = 0; i < 16; ++i) row.byte(i, q3_k_scale(block, i) - 32);
}
inline void put_scales(const Q2_KBlock& block, int, RowHeader row) {
  row.super(0, block.super_scale);
  row.super(1, block.super_minimum);
  for (int i = 0; i < 16; ++i) row.byte(i, block.scales[i]);
}
inline void put_scales(const Iq4XsBlock& block, int, RowHeader row) {
  row.super(0, block.super_scale);
  for (int b = 0; b < 8; ++b) row.byte(b, iq4_xs_scale(block, b) - 32);
}

}  // namespace paceline::cuda

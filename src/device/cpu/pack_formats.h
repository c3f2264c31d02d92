#pragma once
// What packing asks of a file format besides its codes (device/packing/codes.h; offsets are in the kernels' policies): put_scales writes the
// scales of a block of the file into the header of its group (panel_layout.h). `b` is the block of 32 columns within the group.
#include <cstddef>
#include <cstring>

#include "device/cpu/panel_layout.h"
#include "device/packing/codes.h"

namespace paceline::cpu {

inline void put_half(std::byte* halves, int row, uint16_t half) { std::memcpy(halves + 2 * row, &half, 2); }
inline void put_byte(std::byte* bytes, int row, int value) { bytes[row] = static_cast<std::byte>(value); }

inline void put_scales(const Q8_0Block& block, int b, int row, std::byte* group) {
  put_half(group + 32 * b, row, block.scale);
}
inline void put_scales(const Q4_0Block& block, int b, int row, std::byte* group) {
  put_half(group + 32 * b, row, block.scale);
}
inline void put_scales(const Q5_0Block& block, int b, int row, std::byte* group) {
  put_half(group + 32 * b, row, block.scale);
}
inline void put_scales(const Iq4NlBlock& block, int b, int row, std::byte* group) {
  put_half(group + 32 * b, row, block.scale);
}
inline void put_scales(const Mxfp4Block& block, int b, int row, std::byte* group) {
  put_byte(group + 16 * b, row, block.exponent);
}
inline void put_scales(const Q4_1Block& block, int, int row, std::byte* group) {
  put_half(group, row, block.scale);
  put_half(group + 32, row, block.minimum);
}
inline void put_scales(const Q5_1Block& block, int, int row, std::byte* group) {
  put_half(group, row, block.scale);
  put_half(group + 32, row, block.minimum);
}

// The formats with super-blocks: all scales of the group at once, b is 0. Bits are added to panels that start as zeros.
inline void add_bits(std::byte* bytes, int row, int bits) { bytes[row] |= static_cast<std::byte>(bits); }

// The pair of six-bit values of block b (panel_layout.h).
inline void put_pair(std::byte* group, int b, int row, int first, int second) {
  std::byte* arrays = group + 64 + 16 * (b >> 1);
  const int shift = 4 * (b & 1);
  add_bits(arrays, row, (first & 15) << shift);
  add_bits(arrays + 64, row, (second & 15) << shift);
  add_bits(arrays + 128, row, (first >> 4 | second >> 4 << 2) << shift);
}

template <class Block>
void put_scales_and_minima(const Block& block, int row, std::byte* group) {
  const GroupScales scales = unpack_group_scales(block.scales);
  put_half(group, row, block.super_scale);
  put_half(group + 32, row, block.super_minimum);
  for (int b = 0; b < 8; ++b) put_pair(group, b, row, scales.scale[b], scales.minimum[b]);
}
inline void put_scales(const Q4_KBlock& block, int, int row, std::byte* group) {
  put_scales_and_minima(block, row, group);
}
inline void put_scales(const Q5_KBlock& block, int, int row, std::byte* group) {
  put_scales_and_minima(block, row, group);
}
inline void put_scales(const Q6_KBlock& block, int, int row, std::byte* group) {
  put_half(group, row, block.super_scale);
  for (int i = 0; i < 16; ++i) put_byte(group + 64 + 16 * i, row, block.scales[i]);
}
inline void put_scales(const Q3_KBlock& block, int, int row, std::byte* group) {
  put_half(group, row, block.super_scale);
  for (int b = 0; b < 8; ++b) put_pair(group, b, row, q3_k_scale(block, 2 * b), q3_k_scale(block, 2 * b + 1));
}
inline void put_scales(const Q2_KBlock& block, int, int row, std::byte* group) {
  put_half(group, row, block.super_scale);
  put_half(group + 32, row, block.super_minimum);
  for (int i = 0; i < 16; ++i) put_byte(group + 64 + 16 * i, row, block.scales[i]);
}
inline void put_scales(const Iq4XsBlock& block, int, int row, std::byte* group) {
  put_half(group, row, block.super_scale);
  for (int b = 0; b < 8; ++b) {
    const int scale = iq4_xs_scale(block, b);
    add_bits(group + 64 + 16 * (b >> 1), row, (scale & 15) << (4 * (b & 1)));
    add_bits(group + 32 + 16 * (b >> 2), row, scale >> 4 << (2 * (b & 3)));
  }
}

}  // namespace paceline::cpu

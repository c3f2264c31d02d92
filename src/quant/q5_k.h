#pragma once
// Q5_K: as Q4_K with a fifth bit: bit g of high_bits[l] belongs to element l of group g. value = (d * sc) * q - dmin * m.
// Spec section 9.2.
#include "quant/q4_k.h"

namespace paceline {

struct Q5_KBlock {
  static constexpr QuantType kType = QuantType::Q5_K;
  static constexpr int kSize = 256;
  uint16_t super_scale, super_minimum;  // halves
  uint8_t scales[12];  // as in Q4_K
  uint8_t high_bits[32];
  uint8_t quants[128];
};
static_assert(sizeof(Q5_KBlock) == 176);

inline void decode(const Q5_KBlock& block, float* out) {
  const float super_scale = half_to_float(block.super_scale), super_minimum = half_to_float(block.super_minimum);
  const GroupScales groups = unpack_group_scales(block.scales);
  for (int g = 0; g < 8; ++g) {
    const float scale = super_scale * static_cast<float>(groups.scale[g]);
    const float minimum = super_minimum * static_cast<float>(groups.minimum[g]);
    for (int l = 0; l < 32; ++l) {
      const int nibble = (block.quants[32 * (g >> 1) + l] >> (4 * (g & 1))) & 15, high = (block.high_bits[l] >> g) & 1;
      out[32 * g + l] = scale * static_cast<float>(nibble | (high << 4)) - minimum;
    }
  }
}

inline void encode(const float* values, Q5_KBlock& out) {
  uint8_t steps[256];
  encode_groups_of_32(values, 31, out, steps);
  for (int e = 0; e < 256; ++e) {
    uint8_t& byte = out.quants[32 * (e >> 6) + (e & 31)];
    byte = static_cast<uint8_t>(byte | ((steps[e] & 15) << (4 * ((e >> 5) & 1))));
    out.high_bits[e & 31] = static_cast<uint8_t>(out.high_bits[e & 31] | ((steps[e] >> 4) << (e >> 5)));
  }
}

}  // namespace paceline

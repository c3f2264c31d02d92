#pragma once
// IQ4_XS: 256 nibbles of IQ4_NL's table in 8 groups of 32 with a 6-bit scale each. value = (d * (ls - 32)) * T[q].
// Spec section 9.2.
#include "quant/iq4_nl.h"

namespace paceline {

struct Iq4XsBlock {
  static constexpr QuantType kType = QuantType::IQ4_XS;
  static constexpr int kSize = 256;
  uint16_t super_scale;      // half
  uint8_t scales_high[2];    // little-endian u16: two bits per group
  uint8_t scales_low[4];     // a nibble per group
  uint8_t quants[128];       // byte 16g + j: elements j (low) and j + 16 (high) of group g
};
static_assert(sizeof(Iq4XsBlock) == 136);

// 0 to 63; 32 stands for a scale of zero.
inline int iq4_xs_scale(const Iq4XsBlock& block, int group) {
  const int low = (block.scales_low[group >> 1] >> (4 * (group & 1))) & 15;
  const int high = (block.scales_high[group >> 2] >> (2 * (group & 3))) & 3;
  return low | (high << 4);
}

inline void decode(const Iq4XsBlock& block, float* out) {
  const float super_scale = half_to_float(block.super_scale);
  for (int g = 0; g < 8; ++g) {
    const float scale = super_scale * static_cast<float>(iq4_xs_scale(block, g) - 32);
    for (int j = 0; j < 16; ++j) {
      const uint8_t byte = block.quants[16 * g + j];
      out[32 * g + j] = scale * static_cast<float>(kIq4Values[byte & 15]);
      out[32 * g + 16 + j] = scale * static_cast<float>(kIq4Values[byte >> 4]);
    }
  }
}

inline void encode(const float* values, Iq4XsBlock& out) {
  float x[256];
  copy_encodable(values, x);
  const WholeScales found = best_whole_scales(x, 32, -32, 31, {0, 0, kIq4Values});
  out = {};
  out.super_scale = found.super_scale;
  for (int g = 0; g < 8; ++g) {
    const int stored = found.whole[g] + 32;
    uint8_t& low = out.scales_low[g >> 1];
    uint8_t& high = out.scales_high[g >> 2];
    low = static_cast<uint8_t>(low | ((stored & 15) << (4 * (g & 1))));
    high = static_cast<uint8_t>(high | ((stored >> 4) << (2 * (g & 3))));
    const float scale = half_to_float(out.super_scale) * static_cast<float>(found.whole[g]);
    for (int j = 0; j < 16; ++j)
      out.quants[16 * g + j] =
          static_cast<uint8_t>(iq4_entry(x[32 * g + j], scale) | (iq4_entry(x[32 * g + 16 + j], scale) << 4));
  }
}

}  // namespace paceline

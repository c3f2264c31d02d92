#pragma once
// Q2_K: 256 two-bit steps in 16 groups of 16, each with a 4-bit scale and minimum. value = (d * sc) * q - dmin * m.
// Spec section 9.2: element e = 128h + 32j + l lies in byte 32h + l, bits 2j and up.
#include "quant/block.h"
#include "quant/scale_search.h"

namespace paceline {

struct Q2_KBlock {
  static constexpr QuantType kType = QuantType::Q2_K;
  static constexpr int kSize = 256;
  uint8_t scales[16];  // low nibble: scale, high nibble: minimum
  uint8_t quants[64];
  uint16_t super_scale, super_minimum;  // halves
};
static_assert(sizeof(Q2_KBlock) == 84);

inline void decode(const Q2_KBlock& block, float* out) {
  const float super_scale = half_to_float(block.super_scale), super_minimum = half_to_float(block.super_minimum);
  for (int e = 0; e < 256; ++e) {
    const uint8_t group = block.scales[e >> 4];
    const int quant = (block.quants[32 * (e >> 7) + (e & 31)] >> (2 * ((e >> 5) & 3))) & 3;
    out[e] = super_scale * static_cast<float>(group & 15) * static_cast<float>(quant) -
             super_minimum * static_cast<float>(group >> 4);
  }
}

inline void encode(const float* values, Q2_KBlock& out) {
  float x[256];
  copy_encodable(values, x);
  const WholeScalesMinima found = best_whole_scales_minima(x, 16, 15, 3);
  out = {};
  out.super_scale = found.super_scale;
  out.super_minimum = found.super_minimum;
  for (int e = 0; e < 256; ++e) {
    const int g = e >> 4;
    out.scales[g] = static_cast<uint8_t>(found.scales[g] | (found.minima[g] << 4));
    const float scale = half_to_float(found.super_scale) * static_cast<float>(found.scales[g]);
    const float minimum = half_to_float(found.super_minimum) * static_cast<float>(found.minima[g]);
    uint8_t& byte = out.quants[32 * (e >> 7) + (e & 31)];
    byte = static_cast<uint8_t>(byte | (nearest_step(x[e] + minimum, scale, 0, 3) << (2 * ((e >> 5) & 3))));
  }
}

}  // namespace paceline

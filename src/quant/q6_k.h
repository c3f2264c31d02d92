#pragma once
// Q6_K: 256 six-bit steps in 16 groups of 16 with a signed byte of scale each. value = (d * sc) * (q - 32).
// Spec section 9.2: element e = 128h + 32k + l has its low nibble in low_bits[64h + 32(k & 1) + l] (high half for k >= 2) and its two
// high bits in high_bits[32h + l], bits 2k and up.
#include "quant/block.h"
#include "quant/scale_search.h"

namespace paceline {

struct Q6_KBlock {
  static constexpr QuantType kType = QuantType::Q6_K;
  static constexpr int kSize = 256;
  uint8_t low_bits[128];
  uint8_t high_bits[64];
  int8_t scales[16];
  uint16_t super_scale;  // half
};
static_assert(sizeof(Q6_KBlock) == 210);

inline void decode(const Q6_KBlock& block, float* out) {
  const float super_scale = half_to_float(block.super_scale);
  for (int e = 0; e < 256; ++e) {
    const int h = e >> 7, k = (e >> 5) & 3, l = e & 31;
    const int low = (block.low_bits[64 * h + 32 * (k & 1) + l] >> (k >= 2 ? 4 : 0)) & 15;
    const int high = (block.high_bits[32 * h + l] >> (2 * k)) & 3;
    out[e] = super_scale * static_cast<float>(block.scales[e >> 4]) * static_cast<float>((low | (high << 4)) - 32);
  }
}

inline void encode(const float* values, Q6_KBlock& out) {
  float x[256];
  copy_encodable(values, x);
  const WholeScales found = best_whole_scales(x, 16, -128, 127, {-32, 31});
  out = {};
  out.super_scale = found.super_scale;
  std::copy_n(found.whole, 16, out.scales);
  for (int e = 0; e < 256; ++e) {
    const int h = e >> 7, k = (e >> 5) & 3, l = e & 31;
    const float scale = half_to_float(found.super_scale) * static_cast<float>(found.whole[e >> 4]);
    const int quant = nearest_step(x[e], scale, -32, 31) + 32;
    uint8_t& low = out.low_bits[64 * h + 32 * (k & 1) + l];
    uint8_t& high = out.high_bits[32 * h + l];
    low = static_cast<uint8_t>(low | ((quant & 15) << (k >= 2 ? 4 : 0)));
    high = static_cast<uint8_t>(high | ((quant >> 4) << (2 * k)));
  }
}

}  // namespace paceline

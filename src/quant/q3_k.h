#pragma once
// Q3_K: 256 three-bit steps in 16 groups of 16 with a 6-bit scale each. value = (d * (sc - 32)) * (q - 4).
// Spec section 9.2: two low bits as in Q2_K; the third bit of element e = 128h + 32j + l is bit 4h + j of high_bits[l].
#include "quant/block.h"
#include "quant/scale_search.h"

namespace paceline {

struct Q3_KBlock {
  static constexpr QuantType kType = QuantType::Q3_K;
  static constexpr int kSize = 256;
  uint8_t high_bits[32];
  uint8_t quants[64];
  uint8_t scales[12];  // bytes 0-7: low nibbles of two groups (g, g + 8); bytes 8-11: their two high bits
  uint16_t super_scale;  // half
};
static_assert(sizeof(Q3_KBlock) == 110);

// 0 to 63; 32 stands for a scale of zero.
inline int q3_k_scale(const Q3_KBlock& block, int group) {
  const int low = group < 8 ? block.scales[group] & 15 : block.scales[group - 8] >> 4;
  const int high = (block.scales[8 + (group & 3)] >> (2 * (group >> 2))) & 3;
  return low | (high << 4);
}

inline void set_q3_k_scale(Q3_KBlock& block, int group, int scale) {
  uint8_t& low = block.scales[group & 7];
  uint8_t& high = block.scales[8 + (group & 3)];
  low = static_cast<uint8_t>(low | ((scale & 15) << (group < 8 ? 0 : 4)));
  high = static_cast<uint8_t>(high | ((scale >> 4) << (2 * (group >> 2))));
}

inline void decode(const Q3_KBlock& block, float* out) {
  const float super_scale = half_to_float(block.super_scale);
  for (int e = 0; e < 256; ++e) {
    const int h = e >> 7, j = (e >> 5) & 3, l = e & 31;
    const int low = (block.quants[32 * h + l] >> (2 * j)) & 3, high = (block.high_bits[l] >> (4 * h + j)) & 1;
    out[e] =
        super_scale * static_cast<float>(q3_k_scale(block, e >> 4) - 32) * static_cast<float>((low | (high << 2)) - 4);
  }
}

inline void encode(const float* values, Q3_KBlock& out) {
  float x[256];
  copy_encodable(values, x);
  const WholeScales found = best_whole_scales(x, 16, -32, 31, {-4, 3});
  out = {};
  out.super_scale = found.super_scale;
  for (int g = 0; g < 16; ++g) set_q3_k_scale(out, g, found.whole[g] + 32);
  for (int e = 0; e < 256; ++e) {
    const int h = e >> 7, j = (e >> 5) & 3, l = e & 31;
    const float scale = half_to_float(found.super_scale) * static_cast<float>(found.whole[e >> 4]);
    const int quant = nearest_step(x[e], scale, -4, 3) + 4;
    uint8_t& low = out.quants[32 * h + l];
    low = static_cast<uint8_t>(low | ((quant & 3) << (2 * j)));
    out.high_bits[l] = static_cast<uint8_t>(out.high_bits[l] | ((quant >> 2) << (4 * h + j)));
  }
}

}  // namespace paceline

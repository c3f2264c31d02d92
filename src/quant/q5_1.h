#pragma once
// Q5_1: as Q4_1 with a fifth bit: bit e of `high_bits` belongs to element e. value = q * d + m. Spec section 9.2.
#include "quant/block.h"

namespace paceline {

struct Q5_1Block {
  static constexpr QuantType kType = QuantType::Q5_1;
  static constexpr int kSize = 32;
  uint16_t scale, minimum;  // halves
  uint8_t high_bits[4];     // little-endian u32
  uint8_t quants[16];
};
static_assert(sizeof(Q5_1Block) == 24);

inline void decode(const Q5_1Block& block, float* out) {
  const float scale = half_to_float(block.scale), minimum = half_to_float(block.minimum);
  for (int e = 0; e < 32; ++e) {
    const int nibble = e < 16 ? block.quants[e] & 15 : block.quants[e - 16] >> 4;
    const int high = (block.high_bits[e >> 3] >> (e & 7)) & 1;
    out[e] = static_cast<float>(nibble | (high << 4)) * scale + minimum;
  }
}

inline void encode(const float* values, Q5_1Block& out) {
  float x[32];
  copy_encodable(values, x);
  const auto [lowest, highest] = std::minmax_element(x, x + 32);
  out = {};
  out.minimum = float_to_half(*lowest);
  out.scale = float_to_half((*highest - *lowest) / 31.0f);
  const float scale = half_to_float(out.scale), minimum = half_to_float(out.minimum);
  for (int e = 0; e < 32; ++e) {
    const int quant = nearest_step(x[e] - minimum, scale, 0, 31);
    out.quants[e & 15] = static_cast<uint8_t>(out.quants[e & 15] | ((quant & 15) << (e < 16 ? 0 : 4)));
    out.high_bits[e >> 3] = static_cast<uint8_t>(out.high_bits[e >> 3] | ((quant >> 4) << (e & 7)));
  }
}

}  // namespace paceline

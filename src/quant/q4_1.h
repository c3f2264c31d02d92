#pragma once
// Q4_1: 32 nibbles with a half scale and a half minimum. value = q * d + m. Nibbles as in Q4_0. Spec section 9.2.
#include "quant/block.h"

namespace paceline {

struct Q4_1Block {
  static constexpr QuantType kType = QuantType::Q4_1;
  static constexpr int kSize = 32;
  uint16_t scale, minimum;  // halves
  uint8_t quants[16];
};
static_assert(sizeof(Q4_1Block) == 20);

inline void decode(const Q4_1Block& block, float* out) {
  const float scale = half_to_float(block.scale), minimum = half_to_float(block.minimum);
  for (int j = 0; j < 16; ++j) {
    out[j] = static_cast<float>(block.quants[j] & 15) * scale + minimum;
    out[j + 16] = static_cast<float>(block.quants[j] >> 4) * scale + minimum;
  }
}

inline void encode(const float* values, Q4_1Block& out) {
  float x[32];
  copy_encodable(values, x);
  const auto [lowest, highest] = std::minmax_element(x, x + 32);
  out.minimum = float_to_half(*lowest);
  out.scale = float_to_half((*highest - *lowest) / 15.0f);
  const float scale = half_to_float(out.scale), minimum = half_to_float(out.minimum);
  for (int j = 0; j < 16; ++j) {
    const int low = nearest_step(x[j] - minimum, scale, 0, 15), high = nearest_step(x[j + 16] - minimum, scale, 0, 15);
    out.quants[j] = static_cast<uint8_t>(low | (high << 4));
  }
}

}  // namespace paceline

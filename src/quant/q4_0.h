#pragma once
// Q4_0: 32 nibbles and a half scale. value = (q - 8) * d; byte j holds element j in its low nibble, j + 16 in its high one.
// Spec section 9.2.
#include "quant/block.h"

namespace paceline {

struct Q4_0Block {
  static constexpr QuantType kType = QuantType::Q4_0;
  static constexpr int kSize = 32;
  uint16_t scale;  // half
  uint8_t quants[16];
};
static_assert(sizeof(Q4_0Block) == 18);

inline void decode(const Q4_0Block& block, float* out) {
  const float scale = half_to_float(block.scale);
  for (int j = 0; j < 16; ++j) {
    out[j] = static_cast<float>((block.quants[j] & 15) - 8) * scale;
    out[j + 16] = static_cast<float>((block.quants[j] >> 4) - 8) * scale;
  }
}

// The element of largest magnitude becomes step -8, the one end of the range that the other side lacks.
inline void encode(const float* values, Q4_0Block& out) {
  float x[32];
  copy_encodable(values, x);
  out.scale = float_to_half(signed_extreme(x, 32) / -8.0f);
  const float scale = half_to_float(out.scale);
  for (int j = 0; j < 16; ++j) {
    const int low = nearest_step(x[j], scale, -8, 7) + 8, high = nearest_step(x[j + 16], scale, -8, 7) + 8;
    out.quants[j] = static_cast<uint8_t>(low | (high << 4));
  }
}

}  // namespace paceline

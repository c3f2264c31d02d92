#pragma once
// Q8_0: 32 signed bytes and a half scale. value = d * q. Spec section 9.2.
#include "quant/block.h"

namespace paceline {

struct Q8_0Block {
  static constexpr QuantType kType = QuantType::Q8_0;
  static constexpr int kSize = 32;
  uint16_t scale;  // half
  int8_t quants[32];
};
static_assert(sizeof(Q8_0Block) == 34);

inline void decode(const Q8_0Block& block, float* out) {
  const float scale = half_to_float(block.scale);
  for (int i = 0; i < 32; ++i) out[i] = static_cast<float>(block.quants[i]) * scale;
}

// Steps are counted with the scale as stored (rounded to half), so its rounding adds no error of its own; -128 is never used.
inline void encode(const float* values, Q8_0Block& out) {
  float x[32];
  copy_encodable(values, x);
  out.scale = float_to_half(std::fabs(signed_extreme(x, 32)) / 127.0f);
  const float scale = half_to_float(out.scale);
  for (int i = 0; i < 32; ++i) out.quants[i] = static_cast<int8_t>(nearest_step(x[i], scale, -127, 127));
}

}  // namespace paceline

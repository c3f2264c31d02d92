#pragma once
// MXFP4: 32 four-bit floats (E2M1) sharing a power of two. The table is doubled so that it is whole, hence the scale
// 2^(exponent - 128), half of what E8M0 says. Nibbles as in Q4_0. Spec section 9.2.
#include "quant/block.h"

namespace paceline {

struct Mxfp4Block {
  static constexpr QuantType kType = QuantType::MXFP4;
  static constexpr int kSize = 32;
  uint8_t exponent;
  uint8_t quants[16];
};
static_assert(sizeof(Mxfp4Block) == 17);

inline constexpr int8_t kMxfp4Values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

// 2^(exponent - 128); the two smallest are subnormal floats.
inline float mxfp4_scale(uint8_t exponent) {
  return std::bit_cast<float>(exponent < 2 ? 0x00200000u << exponent : static_cast<uint32_t>(exponent - 1) << 23);
}

inline void decode(const Mxfp4Block& block, float* out) {
  const float scale = mxfp4_scale(block.exponent);
  for (int j = 0; j < 16; ++j) {
    out[j] = static_cast<float>(kMxfp4Values[block.quants[j] & 15]) * scale;
    out[j + 16] = static_cast<float>(kMxfp4Values[block.quants[j] >> 4]) * scale;
  }
}

// Nearest element of the table to `steps`; of two equally near the one with the even index, as IEEE rounding would.
inline int nearest_mxfp4(float steps) {
  static constexpr float kMiddles[7] = {0.5f, 1.5f, 2.5f, 3.5f, 5, 7, 10};
  const float magnitude = std::fabs(steps);
  int index = 0;
  while (index < 7 && (magnitude > kMiddles[index] || (magnitude == kMiddles[index] && index % 2 == 1))) ++index;
  return steps < 0 && index != 0 ? index + 8 : index;
}

inline double encode_mxfp4_with(const float* x, uint8_t exponent, Mxfp4Block& out) {
  const float scale = mxfp4_scale(exponent);
  out = {};
  out.exponent = exponent;
  double error = 0;
  for (int e = 0; e < 32; ++e) {
    const int index = nearest_mxfp4(x[e] / scale);
    const double miss = static_cast<double>(x[e]) - static_cast<double>(kMxfp4Values[index]) * scale;
    out.quants[e & 15] = static_cast<uint8_t>(out.quants[e & 15] | (index << (e < 16 ? 0 : 4)));
    error += miss * miss;
  }
  return error;
}

// The power of two that just clips the largest element or the next one up, whichever misses less.
inline void encode(const float* values, Mxfp4Block& out) {
  float x[32];
  copy_encodable(values, x);
  const float extreme = std::fabs(signed_extreme(x, 32));
  const int clipping = extreme == 0 ? 0 : std::clamp(std::ilogb(extreme) - 2 + 127, 0, 254);
  Mxfp4Block wider;
  const double error = encode_mxfp4_with(x, static_cast<uint8_t>(clipping), out);
  if (encode_mxfp4_with(x, static_cast<uint8_t>(clipping + 1), wider) < error) out = wider;
}

}  // namespace paceline

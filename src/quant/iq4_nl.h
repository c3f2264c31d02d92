#pragma once
// IQ4_NL: 32 nibbles that index a table denser around zero, and a half scale. value = T[q] * d. Nibbles as in Q4_0.
// Spec section 9.2. The table is shared with IQ4_XS.
#include "quant/block.h"
#include "quant/scale_search.h"

namespace paceline {

inline constexpr int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

struct Iq4NlBlock {
  static constexpr QuantType kType = QuantType::IQ4_NL;
  static constexpr int kSize = 32;
  uint16_t scale;  // half
  uint8_t quants[16];
};
static_assert(sizeof(Iq4NlBlock) == 18);

inline void decode(const Iq4NlBlock& block, float* out) {
  const float scale = half_to_float(block.scale);
  for (int j = 0; j < 16; ++j) {
    out[j] = static_cast<float>(kIq4Values[block.quants[j] & 15]) * scale;
    out[j + 16] = static_cast<float>(kIq4Values[block.quants[j] >> 4]) * scale;
  }
}

// Index of the table entry for x at this scale. A scale of 0 decodes every entry to 0.
inline int iq4_entry(float x, float scale) { return scale == 0 ? 8 : nearest_entry(x / scale, kIq4Values); }

inline void encode(const float* values, Iq4NlBlock& out) {
  float x[32];
  copy_encodable(values, x);
  out.scale = float_to_half(best_table_scale(x, kIq4Values));
  const float scale = half_to_float(out.scale);
  for (int j = 0; j < 16; ++j)
    out.quants[j] = static_cast<uint8_t>(iq4_entry(x[j], scale) | (iq4_entry(x[j + 16], scale) << 4));
}

}  // namespace paceline

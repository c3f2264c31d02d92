#pragma once
// Q4_K: 256 nibbles in 8 groups of 32, each with a 6-bit scale and minimum. value = (d * sc) * q - dmin * m.
// Spec section 9.2. The packed scales are shared with Q5_K.
#include "quant/block.h"
#include "quant/scale_search.h"

namespace paceline {

struct Q4_KBlock {
  static constexpr QuantType kType = QuantType::Q4_K;
  static constexpr int kSize = 256;
  uint16_t super_scale, super_minimum;  // halves
  uint8_t scales[12];
  uint8_t quants[128];  // byte 32p + l: element 64p + l low, 64p + 32 + l high
};
static_assert(sizeof(Q4_KBlock) == 144);

// The 6-bit scale and minimum of each of 8 groups, out of 12 bytes: groups 0-3 lie whole in bytes g and g + 4; the nibbles of
// groups 4-7 lie in bytes 8-11, their upper two bits above the groups 0-3.
struct GroupScales {
  uint8_t scale[8], minimum[8];
};

inline GroupScales unpack_group_scales(const uint8_t* s) {
  GroupScales out;
  for (int g = 0; g < 4; ++g) {
    out.scale[g] = s[g] & 63;
    out.minimum[g] = s[g + 4] & 63;
    out.scale[g + 4] = static_cast<uint8_t>((s[g + 8] & 15) | ((s[g] >> 6) << 4));
    out.minimum[g + 4] = static_cast<uint8_t>((s[g + 8] >> 4) | ((s[g + 4] >> 6) << 4));
  }
  return out;
}

inline void pack_group_scales(const GroupScales& in, uint8_t* s) {
  for (int g = 0; g < 4; ++g) {
    s[g] = static_cast<uint8_t>(in.scale[g] | ((in.scale[g + 4] >> 4) << 6));
    s[g + 4] = static_cast<uint8_t>(in.minimum[g] | ((in.minimum[g + 4] >> 4) << 6));
    s[g + 8] = static_cast<uint8_t>((in.scale[g + 4] & 15) | ((in.minimum[g + 4] & 15) << 4));
  }
}

inline void decode(const Q4_KBlock& block, float* out) {
  const float super_scale = half_to_float(block.super_scale), super_minimum = half_to_float(block.super_minimum);
  const GroupScales groups = unpack_group_scales(block.scales);
  for (int g = 0; g < 8; ++g) {
    const float scale = super_scale * static_cast<float>(groups.scale[g]);
    const float minimum = super_minimum * static_cast<float>(groups.minimum[g]);
    for (int l = 0; l < 32; ++l) {
      const int quant = (block.quants[32 * (g >> 1) + l] >> (4 * (g & 1))) & 15;
      out[32 * g + l] = scale * static_cast<float>(quant) - minimum;
    }
  }
}

// Steps of 8 groups of 32 in [0, highest], with the scales and minima as stored; writes what Q4_K and Q5_K share.
template <class Block>
void encode_groups_of_32(const float* values, int highest, Block& out, uint8_t (&steps)[256]) {
  float x[256];
  copy_encodable(values, x);
  const WholeScalesMinima found = best_whole_scales_minima(x, 32, 63, highest);
  GroupScales groups;
  std::copy_n(found.scales, 8, groups.scale);
  std::copy_n(found.minima, 8, groups.minimum);
  out = {};
  out.super_scale = found.super_scale;
  out.super_minimum = found.super_minimum;
  pack_group_scales(groups, out.scales);
  for (int e = 0; e < 256; ++e) {
    const float scale = half_to_float(out.super_scale) * static_cast<float>(groups.scale[e >> 5]);
    const float minimum = half_to_float(out.super_minimum) * static_cast<float>(groups.minimum[e >> 5]);
    steps[e] = static_cast<uint8_t>(nearest_step(x[e] + minimum, scale, 0, highest));
  }
}

inline void encode(const float* values, Q4_KBlock& out) {
  uint8_t steps[256];
  encode_groups_of_32(values, 15, out, steps);
  for (int e = 0; e < 256; ++e) {
    uint8_t& byte = out.quants[32 * (e >> 6) + (e & 31)];
    byte = static_cast<uint8_t>(byte | (steps[e] << (4 * ((e >> 5) & 1))));
  }
}

}  // namespace paceline

#pragma once
// The values of a block element by element, straight from the formulas (spec section 9.2), independent of the block structs in
// src/quant: bytes, offsets and shifts only. `step` replaces the element's own step when it is not negative, which tells what else the
// element could have been.
#include <cmath>
#include <cstdint>

#include "quant/format.h"

namespace paceline::test {

// Half to float by the definition of the format.
inline float spec_half(unsigned bits) {
  const int exponent = static_cast<int>((bits >> 10) & 31), mantissa = static_cast<int>(bits & 1023);
  const float sign = (bits & 0x8000) != 0 ? -1.0f : 1.0f;
  if (exponent == 31) return mantissa != 0 ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -24);
  return sign * std::ldexp(static_cast<float>(1024 + mantissa), exponent - 25);
}

class SpecBlock {
 public:
  SpecBlock(QuantType type, const uint8_t* bytes) : type_(type), b(bytes) {}

  int step_count() const {
    switch (type_) {
      case QuantType::Q2_K: return 4;
      case QuantType::Q3_K: return 8;
      case QuantType::Q5_0:
      case QuantType::Q5_1:
      case QuantType::Q5_K: return 32;
      case QuantType::Q6_K: return 64;
      case QuantType::Q8_0: return 256;
      default: return 16;
    }
  }

  float value(int e, int step = -1) const {
    const int own = own_step(e), q = step < 0 ? own : step;
    const auto f = [](int whole) { return static_cast<float>(whole); };
    const int group = e >> 4, g = e >> 5;
    switch (type_) {
      case QuantType::Q4_0: return f(q - 8) * f16(0);
      case QuantType::Q4_1: return f(q) * f16(0) + f16(2);
      case QuantType::Q5_0: return f(q - 16) * f16(0);
      case QuantType::Q5_1: return f(q) * f16(0) + f16(2);
      case QuantType::Q8_0: return f(static_cast<int8_t>(q)) * f16(0);
      case QuantType::Q2_K: return f16(80) * f(b[group] & 15) * f(q) - f16(82) * f(b[group] >> 4);
      case QuantType::Q3_K: return f16(108) * f(q3_scale(group) - 32) * f(q - 4);
      case QuantType::Q4_K:
      case QuantType::Q5_K: return f16(0) * f(k_scale(g)) * f(q) - f16(2) * f(k_minimum(g));
      case QuantType::Q6_K: return f16(208) * f(static_cast<int8_t>(b[192 + group])) * f(q - 32);
      case QuantType::IQ4_NL: return f(kIq4[q]) * f16(0);
      case QuantType::IQ4_XS: return f16(0) * f(iq4_xs_scale(g) - 32) * f(kIq4[q]);
      case QuantType::MXFP4: return f(kFp4[q]) * std::ldexp(1.0f, b[0] - 128);
      default: return NAN;
    }
  }

 private:
  static constexpr int kIq4[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  static constexpr int kFp4[] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

  float f16(int offset) const { return spec_half(static_cast<unsigned>(b[offset] | (b[offset + 1] << 8))); }
  static int nib(int byte, bool high) { return high ? byte >> 4 : byte & 15; }
  int bit(int offset, int index) const { return (b[offset + index / 8] >> (index % 8)) & 1; }

  int own_step(int e) const {
    const int j = e & 15, h = e >> 7, k = (e >> 5) & 3, l = e & 31, g = e >> 5;
    switch (type_) {
      case QuantType::Q4_0: return nib(b[2 + j], e >= 16);
      case QuantType::Q4_1: return nib(b[4 + j], e >= 16);
      case QuantType::Q5_0: return nib(b[6 + j], e >= 16) | (bit(2, e) << 4);
      case QuantType::Q5_1: return nib(b[8 + j], e >= 16) | (bit(4, e) << 4);
      case QuantType::Q8_0: return b[2 + e];
      case QuantType::Q2_K: return (b[16 + 32 * h + l] >> (2 * k)) & 3;
      case QuantType::Q3_K: return ((b[32 + 32 * h + l] >> (2 * k)) & 3) | (((b[l] >> (4 * h + k)) & 1) << 2);
      case QuantType::Q4_K: return nib(b[16 + 32 * (g >> 1) + l], (g & 1) != 0);
      case QuantType::Q5_K: return nib(b[48 + 32 * (g >> 1) + l], (g & 1) != 0) | (((b[16 + l] >> g) & 1) << 4);
      case QuantType::Q6_K:
        return nib(b[64 * h + 32 * (k & 1) + l], k >= 2) | (((b[128 + 32 * h + l] >> (2 * k)) & 3) << 4);
      case QuantType::IQ4_NL: return nib(b[2 + j], e >= 16);
      case QuantType::IQ4_XS: return nib(b[8 + 16 * g + (l & 15)], l >= 16);
      case QuantType::MXFP4: return nib(b[1 + j], e >= 16);
      default: return 0;
    }
  }

  int q3_scale(int g) const {
    const uint8_t* s = b + 96;
    return (g < 8 ? s[g] & 15 : s[g - 8] >> 4) | (((s[8 + (g & 3)] >> (2 * (g >> 2))) & 3) << 4);
  }
  int k_scale(int g) const {
    const uint8_t* s = b + 4;
    return g < 4 ? s[g] & 63 : (s[g + 4] & 15) | ((s[g - 4] >> 6) << 4);
  }
  int k_minimum(int g) const {
    const uint8_t* s = b + 4;
    return g < 4 ? s[g + 4] & 63 : (s[g + 4] >> 4) | ((s[g] >> 6) << 4);
  }
  int iq4_xs_scale(int g) const {
    const int high = b[2] | (b[3] << 8);
    return ((b[4 + (g >> 1)] >> (4 * (g & 1))) & 15) | (((high >> (2 * g)) & 3) << 4);
  }

  QuantType type_;
  const uint8_t* b;
};

}  // namespace paceline::test

#pragma once
// What every block format has in common. A format is a struct of plain bytes laid out as in the file, with kType and kSize
// (elements), a `decode(const Block&, float*)` and an `encode(const float*, Block&)` found by argument lookup.
//
// Encoding never produces a block that decodes to NaN or infinity: a NaN input counts as 0, and inputs beyond +-65504 (infinity
// included) count as +-65504. Exceptions are F32, F16 and BF16, which keep both as they are. Spec section 9.2.
#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <type_traits>

#include "quant/f16.h"
#include "quant/format.h"

namespace paceline {

template <class Block>
concept BlockFormat =
    std::is_trivially_copyable_v<Block> && requires(const Block& in, Block& out, float* values, const float* source) {
      { Block::kType } -> std::convertible_to<QuantType>;
      { Block::kSize } -> std::convertible_to<int>;
      { decode(in, values) } -> std::same_as<void>;
      { encode(source, out) } -> std::same_as<void>;
    };

inline constexpr float kLargestHalf = 65504.0f;

// `value` as the encoders see it: finite and within the range of a half.
inline float encodable(float value) {
  return std::isnan(value) ? 0.0f : std::clamp(value, -kLargestHalf, kLargestHalf);
}

template <int Count>
void copy_encodable(const float* values, float (&out)[Count]) {
  for (int i = 0; i < Count; ++i) out[i] = encodable(values[i]);
}

// The nearest integer, halves to even, for |value| < 2^22: adding 1.5 * 2^23 leaves no bits for a fraction.
inline float round_to_even(float value) {
  constexpr float kShift = 12582912.0f;
  return value + kShift - kShift;
}

// Nearest integer to value / scale in [lowest, highest]; 0 (clamped) when scale is 0.
inline int nearest_step(float value, float scale, int lowest, int highest) {
  const float steps = scale == 0 ? 0.0f : value / scale;
  return static_cast<int>(round_to_even(std::clamp(steps, static_cast<float>(lowest), static_cast<float>(highest))));
}

// The element of largest magnitude, with its sign; the first of equals.
inline float signed_extreme(const float* values, int count) {
  float extreme = 0;
  for (int i = 0; i < count; ++i)
    if (std::fabs(values[i]) > std::fabs(extreme)) extreme = values[i];
  return extreme;
}

}  // namespace paceline

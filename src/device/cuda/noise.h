#pragma once
// The sampler's noise on the device. For .cu files.
#include "base/random.h"
#include "device/cuda/platform.h"

namespace paceline::cuda {

// gumbel_noise() of base/random.h in f32. u = (m + 1/2) / 2^52; above a half -log(u) comes from 1 - u, which f32 holds better there.
__device__ __forceinline__ float rough_gumbel_noise(uint64_t seed, int64_t position, int token) {
  const uint64_t m = random_word(seed, static_cast<uint64_t>(position), static_cast<uint64_t>(token)) >> 12;
  constexpr uint64_t kAll = (uint64_t{1} << 52) - 1;
  const bool is_low = m <= kAll / 2;
  const float part = (static_cast<float>(is_low ? m : kAll - m) + 0.5f) * 0x1p-52f;
  return -logf(is_low ? -logf(part) : -log1pf(-part));
}

}  // namespace paceline::cuda

#pragma once
// For .cu files.
#include "device/cuda/platform.h"

namespace paceline::cuda {

// The power of two that brings a magnitude to between 1 and 2, and the other way; 1 for 0 and for what is not finite.
struct Binade {
  float up = 1, down = 1;

  __device__ explicit Binade(float magnitude) {
    const unsigned exponent = __float_as_uint(magnitude) >> 23;
    if (exponent == 0 || exponent > 253) return;
    up = __uint_as_float((254 - exponent) << 23), down = __uint_as_float(exponent << 23);
  }
};

}  // namespace paceline::cuda

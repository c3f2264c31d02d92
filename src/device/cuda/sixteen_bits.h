#pragma once
// The two float types of 16 bits, two values in a word, and their tensor-core product. For .cu files.
#include "device/cuda/intrinsics.h"

namespace paceline::cuda {

struct HalfElement {
  static __device__ __forceinline__ uint32_t pack(float low, float high) { return floats_to_halves(low, high); }
  static __device__ __forceinline__ float low(uint32_t word) { return half_to_float(static_cast<uint16_t>(word)); }
  static __device__ __forceinline__ float high(uint32_t word) {
    return half_to_float(static_cast<uint16_t>(word >> 16));
  }
  static __device__ __forceinline__ void multiply(float (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    multiply_halves_16x8x16(sums, a, b);
  }
};

struct BfloatElement {
  static __device__ __forceinline__ uint32_t pack(float low, float high) { return floats_to_bfloats(low, high); }
  static __device__ __forceinline__ float low(uint32_t word) { return __uint_as_float(word << 16); }
  static __device__ __forceinline__ float high(uint32_t word) { return __uint_as_float(word & 0xffff0000u); }
  static __device__ __forceinline__ void multiply(float (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    multiply_bfloats_16x8x16(sums, a, b);
  }
};

}  // namespace paceline::cuda

#pragma once
// Values of rows, by fours, and what gates make of them. For .cu files.
#include "device/cuda/intrinsics.h"
#include "device/tensor.h"

namespace paceline::cuda {

namespace {

// Four neighbouring values of a row of `cols`; 0 behind the last.
__device__ __forceinline__ void load_four(float (&values)[4], const float* row, int column, int cols, bool is_aligned) {
  if (is_aligned) {
    const float4 four = column < cols ? load_wide<float4>(row + column) : float4{0, 0, 0, 0};
    values[0] = four.x, values[1] = four.y, values[2] = four.z, values[3] = four.w;
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i) values[i] = column + i < cols ? row[column + i] : 0.0f;
  }
}

__device__ __forceinline__ void store_four(float* row, int column, int cols, bool is_aligned,
                                           const float (&values)[4]) {
  if (is_aligned) {
    if (column < cols) store_wide(row + column, float4{values[0], values[1], values[2], values[3]});
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (column + i < cols) row[column + i] = values[i];
  }
}

__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
__device__ __forceinline__ float silu(float x) { return x / (1.0f + expf(-x)); }

// Whether its rows can be loaded and stored by fours.
inline bool is_aligned(const Tensor& tensor) {
  return tensor.cols % 4 == 0 && tensor.stride % 4 == 0 && reinterpret_cast<uintptr_t>(tensor.data) % 16 == 0;
}

}  // namespace

}  // namespace paceline::cuda

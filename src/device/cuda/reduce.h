#pragma once
// Sums and maxima over threads in a fixed tree: the order depends on the number of threads and nothing else. For .cu files.
#include "device/cuda/intrinsics.h"

namespace paceline::cuda {

// Over the 32 lanes; every lane gets the same bits, since a + b is b + a.
__device__ __forceinline__ float warp_sum(float value) {
#pragma unroll
  for (int bits = kWarpLanes / 2; bits > 0; bits /= 2) value += __shfl_xor_sync(kAllLanes, value, bits);
  return value;
}

__device__ __forceinline__ float warp_max(float value) {
#pragma unroll
  for (int bits = kWarpLanes / 2; bits > 0; bits /= 2) value = fmaxf(value, __shfl_xor_sync(kAllLanes, value, bits));
  return value;
}

// Over a block of kThreads; `sums` has one place per warp, in shared memory, and is used once in a kernel.
template <int kThreads>
__device__ __forceinline__ float block_sum(float value, float* sums) {
  value = warp_sum(value);
  if constexpr (kThreads == kWarpLanes) return value;
  if (lane_index() == 0) sums[warp_index()] = value;
  __syncthreads();
  float total = 0;
#pragma unroll
  for (int warp = 0; warp < kThreads / kWarpLanes; ++warp) total += sums[warp];
  return total;
}

// The better of two candidates for "largest value, ties to the lower index". NaN counts as the smallest value.
struct Candidate {
  float value;
  int index;
};

__device__ __forceinline__ Candidate candidate(float value, int index) {
  return {value != value ? -INFINITY : value, index};
}

__device__ __forceinline__ Candidate better(Candidate a, Candidate b) {
  return b.value > a.value || (b.value == a.value && b.index < a.index) ? b : a;
}

__device__ __forceinline__ Candidate warp_best(Candidate best) {
#pragma unroll
  for (int bits = kWarpLanes / 2; bits > 0; bits /= 2)
    best = better(best, {__shfl_xor_sync(kAllLanes, best.value, bits), __shfl_xor_sync(kAllLanes, best.index, bits)});
  return best;
}

}  // namespace paceline::cuda

#pragma once
// How a head of a row becomes a position of the K/V cache, for the kernel that does nothing else (store_kv.cu) and the one that makes the keys
// (rotate.cu): the same bits from both. A warp does a head. For .cu files.
#include "device/cuda/kv_layout.h"
#include "device/cuda/reduce.h"

namespace paceline::cuda {

namespace {

// The place of dimension d of a position, counted in values.
template <bool kKeys>
__device__ __forceinline__ int64_t place(int position, int d, int head_dim, int per_piece) {
  if constexpr (!kKeys) return int64_t{position} * head_dim + d;
  const int lane = position % kPanelPositions;
  return int64_t{position - lane} * head_dim + (int64_t{d / per_piece} * kPanelPositions + lane) * per_piece +
         d % per_piece;
}

// 32 dimensions of a warp, as src/quant/q8_0.h does: the scale is rounded to a half first, then the steps are counted with it.
template <bool kKeys>
__device__ __forceinline__ void store_block(const KvHead& head, int position, int block, int head_dim, float value) {
  value = value != value ? 0.0f : fminf(fmaxf(value, -65504.0f), 65504.0f);
  const uint16_t half = float_to_half(warp_max(fabsf(value)) / 127.0f);
  const float scale = half_to_float(half);
  const float steps = scale == 0 ? 0.0f : fminf(fmaxf(value / scale, -127.0f), 127.0f);
  const int64_t at = place<kKeys>(position, block * kScaledDims + lane_index(), head_dim, kPieceBytes);
  reinterpret_cast<int8_t*>(head.codes)[at] = static_cast<int8_t>(__float2int_rn(steps));
  if (lane_index() == 0) head.scales[place<kKeys>(position, block, head_dim / kScaledDims, 1)] = half;
}

constexpr int kMostOwn = kMaxHeadDim / kWarpLanes;  // values of a lane, every kWarpLanes-th from its own on

// All asked for before any is used.
__device__ __forceinline__ void load_own(float (&own)[kMostOwn], const float* values, int head_dim) {
#pragma unroll
  for (int n = 0; n < kMostOwn; ++n) {
    const int d = n * kWarpLanes + lane_index();
    own[n] = d < head_dim ? values[d] : 0.0f;
  }
}

template <DType kType, bool kKeys>
__device__ __forceinline__ void store_head(const KvHead& head, int position, int head_dim,
                                           const float (&own)[kMostOwn]) {
#pragma unroll
  for (int n = 0; n < kMostOwn; ++n) {
    const int d = n * kWarpLanes + lane_index();
    if (n * kWarpLanes >= head_dim) break;
    if constexpr (kType == DType::Q8_0) {
      store_block<kKeys>(head, position, n, head_dim, own[n]);
    } else if (d < head_dim) {
      if constexpr (kType == DType::F32)
        reinterpret_cast<float*>(head.codes)[place<kKeys>(position, d, head_dim, 4)] = own[n];
      else reinterpret_cast<uint16_t*>(head.codes)[place<kKeys>(position, d, head_dim, 8)] = float_to_half(own[n]);
    }
  }
}

template <bool kKeys>
__device__ __forceinline__ void store_as(DType type, const KvHead& head, int position, int head_dim,
                                         const float (&own)[kMostOwn]) {
  if (type == DType::F16) store_head<DType::F16, kKeys>(head, position, head_dim, own);
  else if (type == DType::Q8_0) store_head<DType::Q8_0, kKeys>(head, position, head_dim, own);
  else store_head<DType::F32, kKeys>(head, position, head_dim, own);
}

}  // namespace

}  // namespace paceline::cuda

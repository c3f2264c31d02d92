#pragma once
// Where K and V of a layer lie in device memory. A head's positions are neighbours; positions come in panels of 32, so that a warp reads the
// keys of 32 positions as full lines, one position a lane:
//   keys    [head][panel][piece][position in panel][16 bytes]; a piece is 16 bytes of one position's dimensions: 4 f32, 8 f16 or 16 int8
//   values  [head][position][dimension]
// A q8_0 cache has its scales (f16, one for 32 dimensions) behind all codes:
//   of keys [head][panel][block][position in panel];  of values [head][position][block]
// In both, a panel's codes are one run of bytes and its scales another, which is what saving and restoring rely on.
#include "device/cuda/platform.h"
#include "device/state.h"

namespace paceline::cuda {

inline constexpr int kPanelPositions = 32, kPieceBytes = 16, kScaledDims = 32;
inline constexpr int kMaxHeadDim = 256;

// One head of K or V.
struct KvHead {
  std::byte* codes = nullptr;
  uint16_t* scales = nullptr;  // q8_0 only
};

// K or V of one layer.
struct KvSlab {
  std::byte* codes = nullptr;
  uint16_t* scales = nullptr;
  int64_t head_bytes = 0, head_scales = 0;  // from one head to the next

  __host__ __device__ KvHead head(int index) const {
    return {codes + index * head_bytes, scales == nullptr ? nullptr : scales + index * head_scales};
  }
};

// Of q8_0: without its scales.
constexpr int value_bytes(DType dtype) { return dtype == DType::F16 ? 2 : dtype == DType::Q8_0 ? 1 : 4; }

// Positions a slab has room for: whole panels.
constexpr int slab_positions(int max_length) {
  return (max_length + kPanelPositions - 1) / kPanelPositions * kPanelPositions;
}

inline KvSlab kv_slab(const Tensor& slab, const KvShape& shape) {
  const int64_t values = int64_t{slab.rows} * shape.head_dim;
  KvSlab out;
  out.codes = static_cast<std::byte*>(slab.data);
  out.head_bytes = values * value_bytes(slab.dtype);
  if (slab.dtype == DType::Q8_0) {
    out.scales = reinterpret_cast<uint16_t*>(out.codes + shape.head_count_kv * out.head_bytes);
    out.head_scales = values / kScaledDims;
  }
  return out;
}

}  // namespace paceline::cuda

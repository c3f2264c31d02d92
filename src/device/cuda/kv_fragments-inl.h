#pragma once
// Reading the cache (kv_layout.h) as operands of the half-precision product (intrinsics.h), in each of its types that has one. For .cu files.
#include "device/cuda/intrinsics.h"
#include "device/cuda/kv_layout.h"

namespace paceline::cuda {

namespace {

// A q8_0 value is code times scale, rounded to a half: a sixteenth of what its rounding to a byte may have cost.
__device__ __forceinline__ uint32_t scaled_low(unsigned codes, uint16_t scale) {
  return scale_halves(bytes_to_halves<0>(codes), scale);
}
__device__ __forceinline__ uint32_t scaled_high(unsigned codes, uint16_t scale) {
  return scale_halves(bytes_to_halves<1>(codes), scale);
}

// Keys: a lane (g = lane / 4, t = lane % 4) holds dimensions 8t ... 8t + 7 of a block of 32 of one position, in four words, which are columns of
// two operands: words 0 and 1 of the first, words 2 and 3 of the second. The dimensions of a block may come in any order, since queries are
// stored in the same (attention_halves.cu).
struct HalfKeys {
  static __device__ __forceinline__ uint4 words(const KvHead& head, int position, int block, int t, int head_dim) {
    const int place = position % kPanelPositions, piece = 4 * block + t;
    return load_wide<uint4>(head.codes + int64_t{position - place} * head_dim * 2 +
                            (piece * kPanelPositions + place) * kPieceBytes);
  }
};

struct ByteKeys {
  static __device__ __forceinline__ uint4 words(const KvHead& head, int position, int block, int t, int head_dim) {
    const int place = position % kPanelPositions, piece = 2 * block + t / 2, blocks = head_dim / kScaledDims;
    const uint2 codes = load_wide<uint2>(head.codes + int64_t{position - place} * head_dim +
                                         (piece * kPanelPositions + place) * kPieceBytes + t % 2 * 8);
    const uint16_t scale = head.scales[int64_t{position - place} * blocks + block * kPanelPositions + place];
    return {scaled_low(codes.x, scale), scaled_high(codes.x, scale), scaled_low(codes.y, scale),
            scaled_high(codes.y, scale)};
  }
};

// Values: 2 kWords (2 or 4) neighbouring dimensions of one position, from d on, a multiple of as many.
struct HalfValues {
  template <int kWords>
  static __device__ __forceinline__ void words(uint32_t (&out)[kWords], const KvHead& head, int position, int d,
                                               int head_dim) {
    const std::byte* from = head.codes + (int64_t{position} * head_dim + d) * 2;
    if constexpr (kWords == 1) {
      out[0] = load_wide<unsigned>(from);
    } else {
      const uint2 two = load_wide<uint2>(from);
      out[0] = two.x, out[1] = two.y;
    }
  }
};

struct ByteValues {
  template <int kWords>
  static __device__ __forceinline__ void words(uint32_t (&out)[kWords], const KvHead& head, int position, int d,
                                               int head_dim) {
    const std::byte* from = head.codes + int64_t{position} * head_dim + d;
    const uint16_t scale = head.scales[int64_t{position} * (head_dim / kScaledDims) + d / kScaledDims];
    const uint32_t codes = kWords == 1 ? *reinterpret_cast<const uint16_t*>(from) : load_wide<unsigned>(from);
    out[0] = scaled_low(codes, scale);
    if constexpr (kWords == 2) out[1] = scaled_high(codes, scale);
  }
};

}  // namespace

}  // namespace paceline::cuda

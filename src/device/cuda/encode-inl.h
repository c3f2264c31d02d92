#pragma once
// How a value becomes a code of a product's rows (activations.h), for the kernel that does nothing else (activations.cu) and for those that make
// rows which a product takes next (rows.cu): the same bits from both.
#include "device/cuda/activations.h"
#include "device/cuda/intrinsics.h"

namespace paceline::cuda {

namespace {

// What the values of a row's block of 32 columns, of which `found` is the largest magnitude, have in common.
struct BlockScale {
  float scale, inverse;

  __device__ explicit BlockScale(float found) {
    const float top = found > 1e-35f ? found : 0.0f;
    inverse = top > 0 ? 127.0f / top : 0.0f;
    scale = top / 127.0f;
  }
  // The one of another lane.
  __device__ BlockScale(const BlockScale& mine, int lane)
      : scale(__shfl_sync(kAllLanes, mine.scale, lane)), inverse(__shfl_sync(kAllLanes, mine.inverse, lane)) {}

  // Codes of four values as a word; their sum is added to `sum`.
  __device__ uint32_t word(const float (&values)[4], int& sum) const {
    uint32_t word = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int code = static_cast<int>(rintf(fmaxf(fminf(values[i] * inverse, 127.0f), -127.0f)));
      sum += code;
      word |= (static_cast<uint32_t>(code) & 255u) << (8 * i);
    }
    return word;
  }
};

// The factors of row `slot` of a tile in one of a pair of blocks: from the sums of its codes of columns 0-15 and 16-31.
__device__ __forceinline__ void write_factors(ActivationBlocks& out, int slot, int block, float scale, int sum_low,
                                              int sum_high) {
  const int place = slot / 2 * 4 + block * 2 + slot % 2;  // of pair, block and row
  (&out.scale[0][0].x)[place] = scale;
  (&out.scaled_sum[0][0].x)[place] = scale * static_cast<float>(sum_low + sum_high);
  (&out.half_sums[0][0].x)[place] = sum_high * 65536 + (sum_low & 65535);
}

// Writes the codes of kGroups groups of four values of each lane: eight neighbouring lanes have the 32 columns of a block. `first` is the number of
// the lane's first value among those of all rows, which lie behind each other, and group g is at first + g * step. The lane has the first `own`
// groups, all of one row; the lanes of a block have the same ones, and none of the warp has more than `count`. For whole warps. NaN does not
// count for the scale.
template <int kGroups>
__device__ __forceinline__ void write_codes(const RowCodes& codes, unsigned first, unsigned step, int count, int own,
                                            const float (&values)[kGroups][4]) {
  static_assert(kGroups <= 8);
  const int lane = lane_index(), place = lane % 8;
  float found = 0;  // of group `place`, so that the eight lanes divide for eight blocks at once
#pragma unroll
  for (int g = 0; g < kGroups; ++g) {
    if (g >= count) break;
    float top = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) top = fmaxf(fabsf(values[g][i]), top);
#pragma unroll
    for (int bits = 4; bits > 0; bits /= 2) top = fmaxf(top, __shfl_xor_sync(kAllLanes, top, bits));
    if (g == place) found = top;
  }
  const BlockScale mine(found);
  const unsigned row = first / codes.cols, column = first % codes.cols;
  const int slot = static_cast<int>(row % kTileRows);
  ActivationBlocks* pairs = codes.blocks + int64_t{row / kTileRows} * (codes.cols / (2 * kBlockColumns));
#pragma unroll
  for (int g = 0; g < kGroups; ++g) {
    if (g >= count) break;
    const BlockScale scale(mine, lane - place + g);
    const unsigned block = (column + static_cast<unsigned>(g) * step) / kBlockColumns;
    int sum = 0;
    const uint32_t word = scale.word(values[g], sum);
    sum += __shfl_xor_sync(kAllLanes, sum, 1);
    sum += __shfl_xor_sync(kAllLanes, sum, 2);
    const int other = __shfl_xor_sync(kAllLanes, sum, 4);  // of the other 16 columns
    if (g >= own) continue;
    ActivationBlocks& out = pairs[block / 2];
    uint2& words = out.codes[slot * 4 + place % 4][block % 2];
    (place < 4 ? words.x : words.y) = word;
    if (place == 0) write_factors(out, slot, static_cast<int>(block % 2), scale.scale, sum, other);
  }
}

}  // namespace

}  // namespace paceline::cuda

#pragma once
// What the loops over panels share, for all quantized formats: a group of a panel in a lane's registers, and the product of a block of it with
// a block of a tile. The tensor cores multiply 32 columns of 16 outputs with 8 rows in one instruction, for one row as for eight.
//
// Numeric order, per output, whoever computes it (multiply_few-inl.h, multiply_many-inl.h): the groups of 256 columns are cut into kShares
// contiguous shares (share s from s G/8 to (s+1) G/8), a share is summed in order of its blocks (integer dot products are exact; f32 by
// fmaf, one or two per block, as the CPU device does), and the shares are added to 0 in order. None of it depends on rows, tiles or the GPU.
#include "device/cuda/formats.h"
#include "device/cuda/launch.h"
#include "device/cuda/multiply.h"

namespace paceline::cuda {

namespace {

constexpr int kShares = 8;

// The first group of a share; share kShares begins behind the last group.
__device__ __forceinline__ int first_group(int share, int groups) { return share * groups / kShares; }

// The words of codes of kBlocks blocks, 8 or 4, in a lane's 16 bytes of each vector of a plane (packing/fragment_layout.h).
template <int kBits, int kBlocks>
struct Plane {
  static constexpr int kVectors = kBits * kBlocks / kGroupBlocks;  // 0: half of one
  uint32_t words[kBits * kBlocks / 2];

  __device__ Plane(const std::byte* plane, int lane, int first_block) {
    if constexpr (kVectors == 0) {
      const uint2 half = load_wide<uint2>(plane + 16 * lane + 2 * first_block);
      words[0] = half.x, words[1] = half.y;
    } else {
#pragma unroll
      for (int v = 0; v < kVectors; ++v) {
        const int from = kBits * first_block / kGroupBlocks + v;
        const std::byte* at = plane + from * kVectorBytes + 16 * lane;
        const uint4 vector = load_wide<uint4>(at);
        words[4 * v] = vector.x, words[4 * v + 1] = vector.y, words[4 * v + 2] = vector.z, words[4 * v + 3] = vector.w;
      }
    }
  }
  // Word a_i of the b-th of the blocks.
  __device__ uint32_t codes(int b, int i) const {
    constexpr int kPerWord = 8 / kBits;
    constexpr uint32_t kMask = 0x01010101u * ((1u << kBits) - 1);
    const int place = 4 * b + i;
    return words[place / kPerWord] >> (place % kPerWord * kBits) & kMask;
  }
};
template <int kBlocks>
struct Plane<0, kBlocks> {
  __device__ Plane(const std::byte*, int, int) {}
  __device__ uint32_t codes(int, int) const { return 0; }
};

// A product may be of one group of columns and all eight rows of a tile, or of two groups, its sides, and four rows. A block of each side is then
// multiplied into the same sums, columns 0-3 of them being side 0's and columns 4-7 side 1's, because the tile's codes are zeros in the other four.
// What follows a tensor-core product, conversion and scaling, is more work than the product itself, and is so done once for both sides.

// Whose scales a lane needs, those of its sums, and whose codes of rows it has.
template <int kSides>
__device__ __forceinline__ int side_of_sums(int lane) {
  return kSides == 1 ? 0 : lane % 4 / 2;
}
template <int kSides>
__device__ __forceinline__ int side_of_codes(int lane) {
  return kSides == 1 ? 0 : lane / 16;
}

// A lane's part of a block of each side: four words of codes, and the scales of rows lane / 4 and lane / 4 + 8, of each half where halves have
// their own, of the side of its sums.
template <class Format, int kSides>
struct WeightBlock {
  static constexpr int kScales = Format::kHalves ? 2 : 1;
  uint32_t codes[kSides][4];
  float scale[kScales][2], minimum[kScales][2];
};

template <class Format, int kSides, class Row>
__device__ __forceinline__ void set_scales(WeightBlock<Format, kSides>& block, const Row& row, int which, int b) {
#pragma unroll
  for (int s = 0; s < block.kScales; ++s) {
    const int index = block.kScales * b + s;
    block.scale[s][which] = Format::scale(row, index);
    if constexpr (Format::kMinimum) block.minimum[s][which] = Format::minimum(row, index);
  }
}

// A lane's codes of kBlocks blocks of a group of a panel.
template <class Format, int kBlocks>
struct WeightCodes {
  static constexpr FragmentLayout kLayout = fragment_layout(Format::kType);
  const Plane<kLayout.low_bits, kBlocks> low;
  const Plane<kLayout.high_bits, kBlocks> high;

  __device__ WeightCodes(const std::byte* group, int lane, int first_block)
      : low(group + kLayout.header_bytes(), lane, first_block),
        high(group + kLayout.high_offset(), lane, first_block) {}

  __device__ __forceinline__ void block(int b, uint32_t (&out)[4]) const {
    if constexpr (Format::kTable) {
      static_assert(kLayout.low_bits == 4 && kLayout.high_bits == 0);
      const uint2 first = Format::look_up(low.words[2 * b]), second = Format::look_up(low.words[2 * b + 1]);
      out[0] = first.x, out[1] = first.y, out[2] = second.x, out[3] = second.y;
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) out[i] = low.codes(b, i) | high.codes(b, i) << kLayout.low_bits;
    }
  }
};

// A lane's part of kBlocks blocks of a group of each side: all their codes, and the scales of rows lane / 4 and lane / 4 + 8.
template <class Format, int kBlocks, int kSides>
struct WeightBlocks {
  using Codes = WeightCodes<Format, kBlocks>;
  using Scales = RowScales<Format::kType, kBlocks>;
  const Codes codes[kSides];
  const Scales rows[2];

  template <class Group>
  __device__ WeightBlocks(const Group (&groups)[1], int lane, int first_block)
      : codes{Codes(groups[0], lane, first_block)},
        rows{Scales(groups[0], lane / 4, first_block), Scales(groups[0], lane / 4 + 8, first_block)} {}

  template <class Group>
  __device__ WeightBlocks(const Group (&groups)[2], int lane, int first_block)
      : codes{Codes(groups[0], lane, first_block), Codes(groups[1], lane, first_block)},
        rows{Scales(groups[side_of_sums<2>(lane)], lane / 4, first_block),
             Scales(groups[side_of_sums<2>(lane)], lane / 4 + 8, first_block)} {}

  __device__ __forceinline__ WeightBlock<Format, kSides> block(int b) const {
    WeightBlock<Format, kSides> out;
#pragma unroll
    for (int side = 0; side < kSides; ++side) codes[side].block(b, out.codes[side]);
    set_scales(out, rows[0], 0, b);
    set_scales(out, rows[1], 1, b);
    return out;
  }
};

// As which lane a lane loads its part of a tile: codes of the row lane / 4 there, and what goes with the sums' columns 2 (lane % 4) and the next.
struct TileLane {
  int codes, columns;
};

// Of the rows of a tile the first `rows` are wanted: lanes of the others load what the last one's do, so that little else is read. The columns
// of the result that they make are not written. With two sides each has half of the lanes.
template <int kSides>
__device__ __forceinline__ TileLane lane_of_rows(int lane, int rows) {
  return {min(lane / 4 % (kTileRows / kSides), rows - 1) * 4 + lane % 4, lane % (4 / kSides)};
}

// Where a lane finds its part of a pair of blocks of a tile: on the side of its codes, and on that of its sums. Addresses in bytes, so that a
// pair's number and a tile's are added as they are.
struct RowsAt {
  const std::byte *codes, *columns;

  __device__ RowsAt(const ActivationBlocks* of_codes, const ActivationBlocks* of_columns, const TileLane& lane)
      : codes(reinterpret_cast<const std::byte*>(&of_codes->codes[lane.codes])),
        columns(reinterpret_cast<const std::byte*>(&of_columns->scale[lane.columns])) {}
  __device__ __forceinline__ RowsAt operator+(int64_t bytes) const {
    RowsAt further = *this;
    further.codes += bytes, further.columns += bytes;
    return further;
  }
};
constexpr int kPairBytes = sizeof(ActivationBlocks), kPairBlockBytes = sizeof(uint2);
constexpr int kScaledSumBytes = offsetof(ActivationBlocks, scaled_sum) - offsetof(ActivationBlocks, scale),
              kHalfSumsBytes = offsetof(ActivationBlocks, half_sums) - offsetof(ActivationBlocks, scale);

// What a lane needs of one or both of a pair of blocks of a tile.
template <class Format, int kCount, int kSides>
struct RowBlocks {
  uint2 codes[kSides][kCount];
  float2 scale[kCount], scaled_sum[kCount];  // the latter of formats with minima
  int2 half_sums[kCount];  // of formats with an offset or halves

  __device__ RowBlocks(const RowsAt& at, int first) {
    const int begin = first * kPairBlockBytes;
    load<uint4>(at.codes + begin, codes[0]);
    load<float4>(at.columns + begin, scale);
    if constexpr (Format::kMinimum && !Format::kHalves) load<float4>(at.columns + kScaledSumBytes + begin, scaled_sum);
    if constexpr (Format::kOffset != 0 || Format::kHalves) load<int4>(at.columns + kHalfSumsBytes + begin, half_sums);
    if constexpr (kSides == 2) divide_codes();
  }

 private:
  template <class Four, class Two>
  __device__ __forceinline__ void load(const void* from, Two (&to)[kCount]) {
    if constexpr (kCount == 1) {
      to[0] = load_wide<Two>(from);
    } else {
      const Four four = load_wide<Four>(from);
      to[0] = {four.x, four.y}, to[1] = {four.z, four.w};
    }
  }

  // Each side's with zeros in the other's columns.
  __device__ __forceinline__ void divide_codes() {
    const bool is_first = side_of_codes<kSides>(lane_index()) == 0;
#pragma unroll
    for (int b = 0; b < kCount; ++b) {
      const uint2 all = codes[0][b];
      codes[0][b] = {is_first ? all.x : 0, is_first ? all.y : 0};
      codes[kSides - 1][b] = {is_first ? 0 : all.x, is_first ? 0 : all.y};
    }
  }
};

// sums[i]: row lane / 4 + 8 (i / 2) of the panel, column 2 (lane % 4) + i % 2 of the tile, or of the two sides.
template <class Format, int kCount, int kSides>
__device__ __forceinline__ void add_block(const WeightBlock<Format, kSides>& weight,
                                          const RowBlocks<Format, kCount, kSides>& rows, int b, float (&sums)[4]) {
  const float scale[2] = {rows.scale[b].x, rows.scale[b].y};
  const float scaled_sum[2] = {rows.scaled_sum[b].x, rows.scaled_sum[b].y};
  const int half_sums[2] = {rows.half_sums[b].x, rows.half_sums[b].y};
  constexpr int8_t kOffset = -Format::kOffset;
  if constexpr (Format::kHalves) {
    int low[4], high[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      low[i] = kOffset == 0 ? 0 : dot_halves<kOffset, 0>(half_sums[i % 2], 0);
      high[i] = kOffset == 0 ? 0 : dot_halves<0, kOffset>(half_sums[i % 2], 0);
    }
#pragma unroll
    for (int side = 0; side < kSides; ++side) {
      multiply_bytes_16x8x16(low, {weight.codes[side][0], weight.codes[side][1]}, rows.codes[side][b].x);
      multiply_bytes_16x8x16(high, {weight.codes[side][2], weight.codes[side][3]}, rows.codes[side][b].y);
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float both = fmaf(static_cast<float>(high[i]), weight.scale[1][i / 2],
                              static_cast<float>(low[i]) * weight.scale[0][i / 2]);
      sums[i] = fmaf(both, scale[i % 2], sums[i]);
      if constexpr (Format::kMinimum) {
        const int row_low = dot_halves<1, 0>(half_sums[i % 2], 0), row_high = dot_halves<0, 1>(half_sums[i % 2], 0);
        sums[i] = fmaf(-(scale[i % 2] * static_cast<float>(row_low)), weight.minimum[0][i / 2], sums[i]);
        sums[i] = fmaf(-(scale[i % 2] * static_cast<float>(row_high)), weight.minimum[1][i / 2], sums[i]);
      }
    }
  } else {
    int products[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) products[i] = kOffset == 0 ? 0 : dot_halves<kOffset, kOffset>(half_sums[i % 2], 0);
#pragma unroll
    for (int side = 0; side < kSides; ++side)
      multiply_bytes_16x8x32(products, weight.codes[side], {rows.codes[side][b].x, rows.codes[side][b].y});
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      sums[i] = fmaf(static_cast<float>(products[i]) * scale[i % 2], weight.scale[0][i / 2], sums[i]);
      if constexpr (Format::kMinimum) sums[i] = fmaf(-scaled_sum[i % 2], weight.minimum[0][i / 2], sums[i]);
    }
  }
}

// sums[t] += a group of each side of the panel times the pairs of blocks of tile t, whose rows are at rows + t * tile_bytes. kBlocks blocks are
// loaded at once, and taken kTogether at a time, 1 or 2, so that the sums of one overlap the products of the other.
template <class Format, int kBlocks, int kTogether, class Group, int kSides, int kTiles>
__device__ __forceinline__ void add_group(const Group (&groups)[kSides], const RowsAt& rows, int64_t tile_bytes,
                                          int tiles, int lane, float (&sums)[kTiles][4]) {
#pragma unroll 1
  for (int first = 0; first < kGroupBlocks; first += kBlocks) {
    const WeightBlocks<Format, kBlocks, kSides> weights(groups, lane, first);
#pragma unroll
    for (int b = 0; b < kBlocks; b += kTogether) {
      const WeightBlock<Format, kSides> one = weights.block(b), other = weights.block(b + kTogether - 1);
#pragma unroll
      for (int t = 0; t < kTiles; ++t) {
        if (kTiles > 1 && t >= tiles) break;
        const RowBlocks<Format, kTogether, kSides> some(rows + (t * tile_bytes + (first + b) / 2 * kPairBytes), b % 2);
        add_block<Format>(one, some, 0, sums[t]);
        if constexpr (kTogether == 2) add_block<Format>(other, some, 1, sums[t]);
      }
    }
  }
}

// The weight that a panel of the launch belongs to; `panel` becomes its number there.
__device__ __forceinline__ const MultiplyPart& find_part(const MultiplyTask& task, int& panel) {
  int which = 0;
  while (panel >= task.parts[which].panels_per_expert) panel -= task.parts[which++].panels_per_expert;
  return task.parts[which];
}

__device__ __forceinline__ const std::byte* panel_address(const MultiplyTask& task, const MultiplyPart& part,
                                                          int expert, int panel) {
  return part.panels + (int64_t{expert} * part.panels_per_expert + panel) * task.panel_size;
}

}  // namespace

}  // namespace paceline::cuda

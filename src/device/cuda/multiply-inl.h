#pragma once
// The loop over a panel, once for all quantized formats: 16 outputs times kTiles tiles of 8 rows. The tensor cores multiply a block of 32
// columns of 16 outputs with 8 rows in one instruction, for one row as for eight, so that a pass over eight rows costs what a pass over
// one does, and their bits cannot differ. For more rows a fragment is loaded and unpacked once for kTiles tiles.
//
// Numeric order, per output: the block's 8 warps take contiguous shares of the groups of 256 columns (warp w from w G/8 to (w+1) G/8), sum
// theirs in order of the blocks (integer dot products are exact; f32 by fmaf, one or two per block, as the CPU device does), and the
// shares are added from warp 0 to warp 7. None of it depends on rows, tiles or the GPU.
#include "device/cuda/formats.h"
#include "device/cuda/launch.h"
#include "device/cuda/multiply.h"

namespace paceline::cuda {

namespace {

constexpr int kWarps = 8;
constexpr int kManyTiles = 4;  // of a block when there is more than one tile
constexpr int kTileValues = kTileRows * kPanelRows;
// Blocks that a multiprocessor must be able to hold: 24 or 16 warps, which leaves a thread 80 or 128 registers and spills none.
template <int kTiles>
constexpr int kBlocksAtOnce = kTiles == 1 ? 3 : 2;

// 16 bytes per lane and vector of a plane of codes, and the words of codes in them (packing/fragment_layout.h).
template <int kBits>
struct Plane {
  uint32_t words[4 * kBits];

  __device__ Plane(const std::byte* plane, int lane) {
#pragma unroll
    for (int v = 0; v < kBits; ++v) {
      const uint4 vector = load_wide<uint4>(plane + v * kVectorBytes + 16 * lane);
      words[4 * v] = vector.x, words[4 * v + 1] = vector.y, words[4 * v + 2] = vector.z, words[4 * v + 3] = vector.w;
    }
  }
  // Word a_i of block b of the group.
  __device__ uint32_t codes(int b, int i) const {
    constexpr int kPerWord = 8 / kBits;
    constexpr uint32_t kMask = 0x01010101u * ((1u << kBits) - 1);
    const int place = 4 * b + i;
    return words[place / kPerWord] >> (place % kPerWord * kBits) & kMask;
  }
};
template <>
struct Plane<0> {
  __device__ Plane(const std::byte*, int) {}
  __device__ uint32_t codes(int, int) const { return 0; }
};

// A lane's part of a block: four words of codes, and the scales of rows lane / 4 and lane / 4 + 8, of each half where halves have their own.
template <class Format>
struct WeightBlock {
  static constexpr int kScales = Format::kHalves ? 2 : 1;
  uint32_t codes[4];
  float scale[kScales][2], minimum[kScales][2];
};

template <class Format>
__device__ __forceinline__ void set_scales(WeightBlock<Format>& block, const typename Format::Row& row, int which,
                                           int b) {
#pragma unroll
  for (int s = 0; s < WeightBlock<Format>::kScales; ++s) {
    const int index = WeightBlock<Format>::kScales * b + s;
    block.scale[s][which] = Format::scale(row, index);
    if constexpr (Format::kMinimum) block.minimum[s][which] = Format::minimum(row, index);
  }
}

// What a lane needs of the two rows of activations in its columns of the result, 2 (lane % 4) and the next.
struct RowFactors {
  float scale[2];
  int low[2], high[2];

  __device__ RowFactors(const ActivationBlock& block, int lane) {
    const int first = 2 * (lane % 4);
    const float2 scales = load_wide<float2>(block.scale + first);
    const int2 lows = load_wide<int2>(block.sum_low + first), highs = load_wide<int2>(block.sum_high + first);
    scale[0] = scales.x, scale[1] = scales.y;
    low[0] = lows.x, low[1] = lows.y;
    high[0] = highs.x, high[1] = highs.y;
  }
};

// sums[i]: row lane / 4 + 8 (i / 2) of the panel, column 2 (lane % 4) + i % 2 of the tile.
template <class Format>
__device__ __forceinline__ void add_block(const WeightBlock<Format>& weight, const uint2 codes, const RowFactors& rows,
                                          float (&sums)[4]) {
  const uint32_t operand[2] = {codes.x, codes.y};
  if constexpr (Format::kHalves) {
    int low[4], high[4];
#pragma unroll
    for (int i = 0; i < 4; ++i)
      low[i] = -Format::kOffset * rows.low[i % 2], high[i] = -Format::kOffset * rows.high[i % 2];
    multiply_bytes_16x8x16(low, {weight.codes[0], weight.codes[1]}, operand[0]);
    multiply_bytes_16x8x16(high, {weight.codes[2], weight.codes[3]}, operand[1]);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float both = fmaf(static_cast<float>(high[i]), weight.scale[1][i / 2],
                              static_cast<float>(low[i]) * weight.scale[0][i / 2]);
      sums[i] = fmaf(both, rows.scale[i % 2], sums[i]);
      if constexpr (Format::kMinimum) {
        const float scale = rows.scale[i % 2];
        sums[i] = fmaf(-(scale * static_cast<float>(rows.low[i % 2])), weight.minimum[0][i / 2], sums[i]);
        sums[i] = fmaf(-(scale * static_cast<float>(rows.high[i % 2])), weight.minimum[1][i / 2], sums[i]);
      }
    }
  } else {
    int products[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) products[i] = -Format::kOffset * (rows.low[i % 2] + rows.high[i % 2]);
    multiply_bytes_16x8x32(products, weight.codes, operand);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      sums[i] = fmaf(static_cast<float>(products[i]) * rows.scale[i % 2], weight.scale[0][i / 2], sums[i]);
      if constexpr (Format::kMinimum)
        sums[i] = fmaf(-(rows.scale[i % 2] * static_cast<float>(rows.low[i % 2] + rows.high[i % 2])),
                       weight.minimum[0][i / 2], sums[i]);
    }
  }
}

// One group of the panel with its blocks of the tiles; `tile_blocks` blocks lie between one tile and the next.
template <class Format, int kTiles>
__device__ __forceinline__ void add_group(const std::byte* group, const ActivationBlock* activations,
                                          int64_t tile_blocks, int tiles, int lane, float (&sums)[kTiles][4]) {
  constexpr FragmentLayout kLayout = fragment_layout(Format::kType);
  const Plane<kLayout.low_bits> low(group + kLayout.header_bytes(), lane);
  const Plane<kLayout.high_bits> high(group + kLayout.high_offset(), lane);
  const typename Format::Row rows[2] = {{group, lane / 4}, {group, lane / 4 + 8}};
#pragma unroll
  for (int b = 0; b < kGroupBlocks; ++b) {
    WeightBlock<Format> weight;
#pragma unroll
    for (int i = 0; i < 4; ++i) weight.codes[i] = Format::codes(low.codes(b, i) | high.codes(b, i) << kLayout.low_bits);
    set_scales(weight, rows[0], 0, b);
    set_scales(weight, rows[1], 1, b);
#pragma unroll
    for (int t = 0; t < kTiles; ++t) {
      if (t >= tiles) break;
      const ActivationBlock& mine = activations[t * tile_blocks + b];
      add_block<Format>(weight, load_wide<uint2>(&mine.codes[lane]), RowFactors(mine, lane), sums[t]);
    }
  }
}

// Shares of the warps: values[w][t * kTileValues + 32 i + lane].
template <int kTiles>
struct Shares {
  float values[kWarps][kTiles * kTileValues];
};

// Adds the shares and writes the outputs of the panel; consecutive threads write consecutive outputs of a row.
template <int kTiles>
__device__ __forceinline__ void write_outputs(const MultiplyTask& task, const MultiplyPart& part,
                                              const Shares<kTiles>& shares, int first_tile, int panel) {
  for (int v = static_cast<int>(threadIdx.x); v < kTiles * kTileValues; v += 32 * kWarps) {
    const int output = v % kPanelRows, column = v / kPanelRows % kTileRows, tile = v / kTileValues;
    const int row = (first_tile + tile) * kTileRows + column;
    if (row >= task.rows || panel * kPanelRows + output >= part.outputs) continue;
    const int lane = output % 8 * 4 + column / 2, i = output / 8 * 2 + column % 2;
    float sum = 0;
    for (int w = 0; w < kWarps; ++w) sum += shares.values[w][tile * kTileValues + 32 * i + lane];
    float* out = part.out + row * part.out_stride + panel * kPanelRows + output;
    *out = task.add ? *out + sum : sum;
  }
}

// blockIdx.x: tiles, so that blocks that run side by side share a panel; blockIdx.y: panel, those of one weight behind those of another.
template <class Format, int kTiles>
__global__ void __launch_bounds__(32 * kWarps, kBlocksAtOnce<kTiles>) multiply_kernel(MultiplyTask task) {
  wait_for_previous_kernel();
  constexpr int kGroupBytes = fragment_layout(Format::kType).group_bytes();
  const int lane = lane_index(), warp = warp_index();
  const int first_tile = static_cast<int>(blockIdx.x) * kTiles;
  int panel = static_cast<int>(blockIdx.y), which = 0;
  while (panel >= task.parts[which].panels_per_expert) panel -= task.parts[which++].panels_per_expert;
  const MultiplyPart& part = task.parts[which];
  const int tiles = min(kTiles, task.tiles - first_tile);
  const int expert = task.tile_experts != nullptr ? task.tile_experts[first_tile] : 0;
  if (expert < 0) return;
  const std::byte* at = part.panels + (int64_t{expert} * part.panels_per_expert + panel) * task.panel_size;
  const int64_t tile_blocks = int64_t{task.groups} * kGroupBlocks;
  const ActivationBlock* activations = task.activations + first_tile * tile_blocks;

  float sums[kTiles][4] = {};
  const int last = (warp + 1) * task.groups / kWarps;
  for (int g = warp * task.groups / kWarps; g < last; ++g)
    add_group<Format, kTiles>(at + int64_t{g} * kGroupBytes, activations + g * kGroupBlocks, tile_blocks, tiles, lane,
                              sums);

  auto& shares = dynamic_shared<Shares<kTiles>>();
#pragma unroll
  for (int t = 0; t < kTiles; ++t)
#pragma unroll
    for (int i = 0; i < 4; ++i) shares.values[warp][t * kTileValues + 32 * i + lane] = sums[t][i];
  __syncthreads();
  write_outputs<kTiles>(task, part, shares, first_tile, panel);
}

template <class Format, int kTiles>
void launch_multiply(CudaContext& context, const char* name, const MultiplyTask& task) {
  const Grid grid{
      name, dim3(static_cast<unsigned>((task.tiles + kTiles - 1) / kTiles), static_cast<unsigned>(task.all_panels)),
      32 * kWarps, sizeof(Shares<kTiles>)};
  launch(multiply_kernel<Format, kTiles>, grid, context, task);
}

// Tiles of experts are alone in a block: each may have another expert.
template <class Format>
void launch_format(CudaContext& context, const char* name, const MultiplyTask& task) {
  if (task.tiles == 1 || task.tile_experts != nullptr) launch_multiply<Format, 1>(context, name, task);
  else launch_multiply<Format, kManyTiles>(context, name, task);
}

}  // namespace

}  // namespace paceline::cuda

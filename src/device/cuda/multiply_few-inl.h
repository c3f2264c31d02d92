#pragma once
// The kernel for few rows: a block makes 16 outputs times kTiles tiles of 8 rows, each of its warps one share of the columns
// (multiply_block-inl.h), so that a matrix of few outputs still keeps a whole GPU reading. For more than one tile a fragment is loaded and
// unpacked once for kTiles of them.
#include "device/cuda/multiply_block-inl.h"

namespace paceline::cuda {

namespace {

constexpr int kWarps = kShares;
constexpr int kSomeTiles = 4;  // of a block when there is more than one tile
constexpr int kTileValues = kTileRows * kPanelRows;
// Blocks that a multiprocessor must be able to hold: 24 or 16 warps, which leaves a thread 80 or 128 registers and spills none.
template <int kTiles>
constexpr int kBlocksAtOnce = kTiles == 1 ? 3 : 2;

// Shares of the warps: values[w][t * kTileValues + 32 i + lane].
template <int kTiles>
struct Shares {
  float values[kWarps][kTiles * kTileValues];
};

// The warp's own.
template <int kTiles>
__device__ __forceinline__ void store_share(Shares<kTiles>& shares, const float (&sums)[kTiles][4]) {
#pragma unroll
  for (int t = 0; t < kTiles; ++t)
#pragma unroll
    for (int i = 0; i < 4; ++i) shares.values[warp_index()][t * kTileValues + 32 * i + lane_index()] = sums[t][i];
}

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

// While the kernel before this one still runs: the first groups of the warp's share. Of experts it is not known yet which.
constexpr int kGroupsAhead = 2;
__device__ __forceinline__ void prefetch_share(const MultiplyTask& task, int group_bytes) {
  if (task.tile_experts != nullptr || blockIdx.x > 0 || lane_index() > 0) return;
  int panel = static_cast<int>(blockIdx.y);
  const MultiplyPart& part = find_part(task, panel);
  const int first = first_group(warp_index(), task.groups), last = first_group(warp_index() + 1, task.groups);
  const int64_t begin = int64_t{first} * group_bytes, left = task.panel_size - begin;
  const int bytes = min(kGroupsAhead, last - first) * group_bytes;
  if (bytes > 0)
    prefetch_piece(panel_address(task, part, 0, panel) + begin,
                   left < bytes ? static_cast<unsigned>(left) : static_cast<unsigned>(bytes));
}

// How many rows of a tile are wanted, 1 to 8.
__device__ __forceinline__ int rows_of_tile(const MultiplyTask& task, int tile) {
  if (task.sources == nullptr) return min(task.rows - tile * kTileRows, kTileRows);
  return warp_add(lane_index() < kTileRows && task.sources[tile * kTileRows + lane_index()] >= 0 ? 1 : 0);
}

// Those of a block's only tile; of several tiles all rows are read.
template <int kTiles>
__device__ __forceinline__ int tile_lane(const MultiplyTask& task, int tile) {
  return kTiles == 1 ? lane_of_rows(lane_index(), rows_of_tile(task, tile)) : lane_index();
}

// blockIdx.x: tiles, so that blocks that run side by side share a panel; blockIdx.y: panel, those of one weight behind those of another.
template <class Format, int kTiles>
__global__ void __launch_bounds__(32 * kWarps, kBlocksAtOnce<kTiles>) multiply_few_kernel(MultiplyTask task) {
  prefetch_share(task, fragment_layout(Format::kType).group_bytes());
  wait_for_previous_kernel();
  constexpr int kGroupBytes = fragment_layout(Format::kType).group_bytes();
  const int lane = lane_index(), warp = warp_index();
  const int first_tile = static_cast<int>(blockIdx.x) * kTiles;
  int panel = static_cast<int>(blockIdx.y);
  const MultiplyPart& part = find_part(task, panel);
  const int tiles = min(kTiles, task.tiles - first_tile);
  const int expert = task.tile_experts != nullptr ? task.tile_experts[first_tile] : 0;
  if (expert < 0) return;
  const std::byte* at = panel_address(task, part, expert, panel);
  const int64_t tile_pairs = int64_t{task.groups} * kGroupPairs;
  const ActivationBlocks* activations = task.activations + first_tile * tile_pairs;
  const int rows_lane = tile_lane<kTiles>(task, first_tile);

  float sums[kTiles][4] = {};
  const int last = first_group(warp + 1, task.groups);
  for (int g = first_group(warp, task.groups); g < last; ++g)
    add_group<Format, kGroupBlocks, kBlocksTogether<Format>>(
        at + int64_t{g} * kGroupBytes, activations + g * kGroupPairs, tile_pairs, tiles, lane, rows_lane, sums);

  auto& shares = dynamic_shared<Shares<kTiles>>();
  store_share<kTiles>(shares, sums);
  __syncthreads();
  write_outputs<kTiles>(task, part, shares, first_tile, panel);
}

template <int kTiles>
Grid few_grid(const char* name, const MultiplyTask& task) {
  return {name, dim3(static_cast<unsigned>((task.tiles + kTiles - 1) / kTiles), static_cast<unsigned>(task.all_panels)),
          32 * kWarps, sizeof(Shares<kTiles>)};
}

// Tiles of experts are alone in a block: each may have another expert.
inline bool is_one_tile(const MultiplyTask& task) { return task.tiles == 1 || task.tile_experts != nullptr; }

template <class Format>
void launch_few(CudaContext& context, const char* name, const MultiplyTask& task) {
  if (is_one_tile(task)) launch(multiply_few_kernel<Format, 1>, few_grid<1>(name, task), context, task);
  else launch(multiply_few_kernel<Format, kSomeTiles>, few_grid<kSomeTiles>(name, task), context, task);
}

}  // namespace

}  // namespace paceline::cuda

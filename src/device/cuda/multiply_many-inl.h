#pragma once
// The kernel for many rows (prompts): a block makes 128 outputs times up to kRunTiles tiles of 8 rows. Each of its warps has a panel of its own
// and goes through all columns, so that a weight is loaded and unpacked once for all rows of the block; the rows come through shared memory,
// a group of columns at a time, the next group on its way while one is multiplied. Decision 0019 has the arithmetic.
//
// The numeric order is that of multiply_few-inl.h: where a warp there ends its share of the columns, the sum so far is added to the total.
#include "device/cuda/matrix.h"
#include "device/cuda/multiply_block-inl.h"

namespace paceline::cuda {

namespace {

constexpr int kManyThreads = 32 * kManyPanels;
constexpr int kManyBlocks = 4;  // of a panel in registers

// Taken together. A block of a format with halves has two products, which overlap each other; registers for two such blocks there
// are not, nor for two with minima and a fifth bit.
template <class Format>
constexpr int kBlocksTogether =
    Format::kHalves || (Format::kMinimum && fragment_layout(Format::kType).high_bits > 0) ? 1 : 2;

// 44 KiB: two blocks fit into the 100 KB of the smallest multiprocessors.
struct Stages {
  ActivationBlocks pairs[2][kRunTiles][kGroupPairs];
};

// Asks for group g of a run's tiles.
__device__ __forceinline__ void copy_group(const MultiplyTask& task, const TileRun& run, int g, Stages& stages) {
  constexpr int kPieceBytes = 16, kTilePieces = kGroupPairs * static_cast<int>(sizeof(ActivationBlocks)) / kPieceBytes;
  for (int piece = static_cast<int>(threadIdx.x); piece < run.tiles * kTilePieces; piece += kManyThreads) {
    const int tile = piece / kTilePieces, bytes = piece % kTilePieces * kPieceBytes;
    const int64_t pair = (int64_t{run.first_tile + tile} * task.groups + g) * kGroupPairs;
    copy_async_16(reinterpret_cast<std::byte*>(stages.pairs[g % 2][tile]) + bytes,
                  reinterpret_cast<const std::byte*>(task.activations + pair) + bytes);
  }
  commit_async_copies();
}

// Adds the shares that end by group `last` to the totals; those that no group belongs to are zeros, before the sum or behind it.
__device__ __forceinline__ void end_shares(int last, int groups, int& share, float (&sums)[kRunTiles][4],
                                           float (&totals)[kRunTiles][4]) {
  for (; share < kShares && first_group(share + 1, groups) <= last + 1; ++share)
#pragma unroll
    for (int t = 0; t < kRunTiles; ++t)
#pragma unroll
      for (int i = 0; i < 4; ++i) totals[t][i] += sums[t][i], sums[t][i] = 0;
}

// The warp's panel, counted through the weights of the launch; one behind the last belongs to a warp that only copies.
__device__ __forceinline__ int panel_index() { return static_cast<int>(blockIdx.y) * kManyPanels + warp_index(); }

// Eight lanes write eight consecutive outputs of a row. Finds its panel once more: a register kept for it would be missed in the products.
__device__ __forceinline__ void write_totals(const MultiplyTask& task, const TileRun& run,
                                             const float (&totals)[kRunTiles][4]) {
  int panel = panel_index();
  const MultiplyPart& part = find_part(task, panel);
  const int lane = lane_index();
#pragma unroll
  for (int t = 0; t < kRunTiles; ++t) {
    if (t >= run.tiles) break;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int row = (run.first_tile + t) * kTileRows + 2 * (lane % 4) + i % 2;
      const int output = panel * kPanelRows + lane / 4 + 8 * (i / 2);
      if (row >= task.rows || output >= part.outputs) continue;
      float* out = part.out + row * part.out_stride + output;
      *out = task.add ? *out + totals[t][i] : totals[t][i];
    }
  }
}

__device__ __forceinline__ const std::byte* own_panel(const MultiplyTask& task, int expert) {
  int panel = panel_index();
  const MultiplyPart& part = find_part(task, panel);
  return panel_address(task, part, expert, panel);
}

// Tiles beside each other, when no list says which belong together.
__device__ __forceinline__ TileRun run_of(const MultiplyTask& task, int index) {
  if (task.runs != nullptr) return task.runs[index];
  return {index * kRunTiles, min(kRunTiles, task.tiles - index * kRunTiles), 0};
}

// blockIdx.x: run, so that blocks that run side by side share panels; blockIdx.y: eight panels, those of one weight behind those of another.
template <class Format>
__global__ void __launch_bounds__(kManyThreads, 2) multiply_many_kernel(MultiplyTask task) {
  wait_for_previous_kernel();
  constexpr int kGroupBytes = fragment_layout(Format::kType).group_bytes();
  const TileRun run = run_of(task, static_cast<int>(blockIdx.x));
  if (run.tiles == 0) return;
  auto& stages = dynamic_shared<Stages>();
  const bool has_panel = panel_index() < task.all_panels;
  const std::byte* panel = has_panel ? own_panel(task, run.expert) : nullptr;

  float sums[kRunTiles][4] = {}, totals[kRunTiles][4] = {};
  int share = 0;
  copy_group(task, run, 0, stages);
  for (int g = 0; g < task.groups; ++g) {
    wait_async_copies<0>();
    __syncthreads();  // the group is there, whoever copied it, and nobody reads the one before any more
    if (g + 1 < task.groups) copy_group(task, run, g + 1, stages);
    if (has_panel)
      add_group<Format, kManyBlocks, kBlocksTogether<Format>, const std::byte*, 1>(
          {panel + int64_t{g} * kGroupBytes},
          RowsAt(stages.pairs[g % 2][0], stages.pairs[g % 2][0], lane_of_rows<1>(lane_index(), kTileRows)),
          kGroupPairs * kPairBytes, run.tiles, lane_index(), sums);
    end_shares(g, task.groups, share, sums, totals);
  }
  if (has_panel) write_totals(task, run, totals);
}

inline Grid many_grid(const char* name, const MultiplyTask& task, size_t shared_bytes) {
  const int panels = ceil_divide(task.all_panels, kManyPanels);
  return {name, dim3(static_cast<unsigned>(task.run_count), static_cast<unsigned>(panels)), kManyThreads, shared_bytes};
}

template <class Format>
void launch_many(CudaContext& context, const char* name, const MultiplyTask& task) {
  launch(multiply_many_kernel<Format>, many_grid(name, task, sizeof(Stages)), context, task);
}

}  // namespace

}  // namespace paceline::cuda

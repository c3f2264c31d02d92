// out = sum over columns of weight * x, for F16 and BF16 weights: 16 outputs times 8 rows a tensor-core product, with x as the sum of two values
// of 16 bits (split_rows.h), so four products for 32 columns.
//
// Called by project, project_add and project_experts through multiply(), as the quantized formats are (multiply_few-inl.h, multiply_many-inl.h):
// a block for few rows makes 16 outputs, each of its warps a share of the columns; a block for many rows 128 outputs of up to 64 rows. The
// numeric order is theirs: a block of 32 columns is one sum, added by fmaf to that of its share, and shares are added in order.
// Every load of weights is 512 contiguous bytes. Bytes per weight: 2. Share of peak: not measured yet (no GPU).
#include "device/cuda/multiply_few-inl.h"
#include "device/cuda/multiply_many-inl.h"
#include "device/cuda/sixteen_bits.h"

namespace paceline::cuda {

namespace {

constexpr int kBlockBytes = kPanelRows * kBlockColumns * 2;

// A lane's part of a block of a panel: rows lane / 4 and lane / 4 + 8.
struct Fragment {
  uint4 low, high;

  __device__ Fragment(const std::byte* panel, int block, int lane)
      : low(load_once(panel + int64_t{block} * kBlockBytes + 16 * lane)),
        high(load_once(panel + int64_t{block} * kBlockBytes + kBlockBytes / 2 + 16 * lane)) {}
};

template <class Element>
__device__ __forceinline__ void multiply_half(float (&sums)[4], const Fragment& weight, const uint4& rows) {
  Element::multiply(sums, {weight.low.x, weight.high.x, weight.low.y, weight.high.y}, {rows.x, rows.y});
  Element::multiply(sums, {weight.low.z, weight.high.z, weight.low.w, weight.high.w}, {rows.z, rows.w});
}

// sums[i]: row lane / 4 + 8 (i / 2) of the panel, column 2 (lane % 4) + i % 2 of the tile.
template <class Element>
__device__ __forceinline__ void add_split_block(float (&sums)[4], const Fragment& weight, const SplitBlock& rows,
                                                int lane) {
  float products[4] = {};
  multiply_half<Element>(products, weight, load_wide<uint4>(&rows.low[lane]));
  multiply_half<Element>(products, weight, load_wide<uint4>(&rows.high[lane]));
  const float2 scale = load_wide<float2>(&rows.scale[2 * (lane % 4)]);
#pragma unroll
  for (int i = 0; i < 4; ++i) sums[i] = fmaf(products[i], i % 2 == 0 ? scale.x : scale.y, sums[i]);
}

__device__ __forceinline__ int blocks_of(const MultiplyTask& task) {
  return static_cast<int>(task.panel_size / kBlockBytes);
}

// Of a warp, for its sums; groups go straight to registers.
template <int kTiles>
using SumsStage = Stage<16, kTiles, 1>;

// blockIdx as multiply_few_kernel's.
template <class Element, int kTiles>
__global__ void __launch_bounds__(32 * kWarps<1>, kTiles == 1 ? 3 : 2) sixteen_bits_few_kernel(MultiplyTask task) {
  prefetch_shares<1>(task, kGroupBlocks * kBlockBytes);
  wait_for_previous_kernel();
  const int lane = lane_index(), warp = warp_index(), blocks = blocks_of(task);
  const int first_tile = static_cast<int>(blockIdx.x) * kTiles, tiles = min(kTiles, task.tiles - first_tile);
  int panel = static_cast<int>(blockIdx.y);
  const MultiplyPart& part = find_part(task, panel);
  const int expert = task.tile_experts != nullptr ? task.tile_experts[first_tile] : 0;
  if (expert < 0) return;
  const std::byte* at = panel_address(task, part, expert, panel);
  const SplitBlock* rows = task.split_rows + int64_t{first_tile} * blocks;
  const int rows_lane = tile_lane<kTiles, 1>(task, first_tile).codes;

  float sums[kTiles][4] = {};
  const int end = min(first_group(warp + 1, task.groups) * kGroupBlocks, blocks);
#pragma unroll 2
  for (int block = first_group(warp, task.groups) * kGroupBlocks; block < end; ++block) {
    const Fragment weight(at, block, lane);
#pragma unroll
    for (int t = 0; t < kTiles; ++t) {
      if (kTiles > 1 && t >= tiles) break;
      add_split_block<Element>(sums[t], weight, rows[int64_t{t} * blocks + block], rows_lane);
    }
  }
  auto* const stages = dynamic_shared_array<SumsStage<kTiles>>(kWarps<1>);
  store_sums<kTiles, 1>(stages[warp].sums, sums);
  __syncthreads();
  write_outputs<kTiles, 1>(task, part, stages, 1, first_tile, panel);
}

constexpr int kStageBlocks = 2;

// 33 KiB: two blocks of threads on every multiprocessor.
struct SplitStages {
  SplitBlock rows[2][kRunTiles][kStageBlocks];
};

// Asks for a stage of a run's tiles.
__device__ __forceinline__ void copy_stage(const MultiplyTask& task, const TileRun& run, int stage, int blocks,
                                           SplitStages& stages) {
  constexpr int kBlockPieces = sizeof(SplitBlock) / 16;
  const int first = stage * kStageBlocks, tile_pieces = min(kStageBlocks, blocks - first) * kBlockPieces;
  for (int piece = static_cast<int>(threadIdx.x); piece < run.tiles * tile_pieces; piece += kManyThreads) {
    const int tile = piece / tile_pieces, bytes = piece % tile_pieces * 16;
    const SplitBlock* from = task.split_rows + int64_t{run.first_tile + tile} * blocks + first;
    copy_async_16(reinterpret_cast<std::byte*>(stages.rows[stage % 2][tile]) + bytes,
                  reinterpret_cast<const std::byte*>(from) + bytes);
  }
  commit_async_copies();
}

// blockIdx as multiply_many_kernel's.
template <class Element>
__global__ void __launch_bounds__(kManyThreads, 2) sixteen_bits_many_kernel(MultiplyTask task) {
  wait_for_previous_kernel();
  const TileRun run = run_of(task, static_cast<int>(blockIdx.x));
  if (run.tiles == 0) return;
  auto& stages = dynamic_shared<SplitStages>();
  const bool has_panel = panel_index() < task.all_panels;
  const std::byte* panel = has_panel ? own_panel(task, run.expert) : nullptr;
  const int lane = lane_index(), blocks = blocks_of(task);

  float sums[kRunTiles][4] = {}, totals[kRunTiles][4] = {};
  int share = 0;
  copy_stage(task, run, 0, blocks, stages);
  for (int first = 0; first < blocks; first += kStageBlocks) {
    const int stage = first / kStageBlocks, end = min(first + kStageBlocks, blocks);
    wait_async_copies<0>();
    __syncthreads();  // the stage is there, whoever copied it, and nobody reads the one before any more
    if (end < blocks) copy_stage(task, run, stage + 1, blocks, stages);
    for (int block = first; has_panel && block < end; ++block) {
      const Fragment weight(panel, block, lane);
#pragma unroll
      for (int t = 0; t < kRunTiles; ++t) {
        if (t >= run.tiles) break;
        add_split_block<Element>(sums[t], weight, stages.rows[stage % 2][t][block - first], lane);
      }
    }
    if (end % kGroupBlocks == 0 || end == blocks)
      end_shares((end - 1) / kGroupBlocks, task.groups, share, sums, totals);
  }
  if (has_panel) write_totals(task, run, totals);
}

template <class Element, int kTiles>
void launch_few_sixteen_bits(CudaContext& context, const MultiplyTask& task) {
  launch(sixteen_bits_few_kernel<Element, kTiles>,
         few_grid<kTiles, 1>("multiply 16 bits", task, sizeof(SumsStage<kTiles>)), context, task);
}

template <class Element>
void launch_sixteen_bits(CudaContext& context, const MultiplyTask& task) {
  if (task.run_count > 0) {
    launch(sixteen_bits_many_kernel<Element>, many_grid("multiply 16 bits", task, sizeof(SplitStages)), context, task);
  } else if (is_one_tile(task)) {
    launch_few_sixteen_bits<Element, 1>(context, task);
  } else {
    launch_few_sixteen_bits<Element, kSomeTiles>(context, task);
  }
}

}  // namespace

void multiply_sixteen_bits(CudaContext& context, QuantType type, const MultiplyTask& task) {
  if (type == QuantType::F16) launch_sixteen_bits<HalfElement>(context, task);
  else launch_sixteen_bits<BfloatElement>(context, task);
}

}  // namespace paceline::cuda

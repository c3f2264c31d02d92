// out += sum in rank order of share * down_e(silu(gate_e x) * up_e x).
//
// Called by project_experts. Pairs (row, rank) are sorted by expert into tiles of up to 8 pairs of one expert, in device memory: nothing waits
// for the host. A tile is then an ordinary tile of the products (multiply.h), whose bits do not depend on what else is in it, so neither do
// a row's. Where experts have several tiles, runs of up to 8 of them are a block's work (multiply_many-inl.h), else single tiles are. There are
// launches for the most tiles and runs the pairs can need; those that turn out to be none return at once.
// Bytes per weight: those of the experts in use, once for each tile or run; of an expert's further ones most come from the second-level cache.
// Share of peak: not measured yet (no GPU).
#include <algorithm>

#include "device/cuda/experts.h"
#include "device/cuda/intrinsics.h"
#include "device/cuda/launch.h"
#include "device/cuda/matrix.h"
#include "device/cuda/route-inl.h"
#include "device/cuda/rows.h"

namespace paceline::cuda {

namespace {

constexpr int kGroupThreads = 256, kGroupWarps = kGroupThreads / kWarpLanes;
constexpr int kCombineThreads = 128;

struct GroupShared {
  // Pairs of a warp by expert: how many, and from scan_experts() on the slot of the next.
  int pairs[kGroupWarps][kMaxExperts];
  int warp_tiles[kGroupWarps], warp_runs[kGroupWarps];
};

__device__ int expert_of(const GroupTask& task, int pair) {
  return task.ids[pair / task.used_count * task.id_stride + pair % task.used_count];
}

// The sum of the values of the lanes before this one.
__device__ __forceinline__ int sum_before(int value) {
  int sum = value;
#pragma unroll
  for (int distance = 1; distance < kWarpLanes; distance *= 2) {
    const int other = __shfl_sync(kAllLanes, sum, max(lane_index() - distance, 0));
    if (lane_index() >= distance) sum += other;
  }
  return sum - value;
}

// Contiguous pairs, so that those of a warp come before those of the next.
struct PairRange {
  int first, end;
};
__device__ PairRange pairs_of_warp(const GroupTask& task) {
  const int each = ceil_divide(task.pairs, kGroupWarps), first = warp_index() * each;
  return {first, min(first + each, task.pairs)};
}

__device__ void count_pairs(const GroupTask& task, GroupShared& shared) {
  const int thread = static_cast<int>(threadIdx.x);
  for (int tile = thread; tile < task.out.tiles; tile += kGroupThreads) task.out.tile_experts[tile] = -1;
  for (int run = thread; run < task.out.run_count; run += kGroupThreads) task.out.runs[run] = {0, 0, 0};
  for (int slot = thread; slot < task.out.tiles * kTileRows; slot += kGroupThreads)
    task.out.slot_rows[slot] = task.out.slots[slot] = -1;
  int* const mine = shared.pairs[warp_index()];
  for (int expert = lane_index(); expert < task.expert_count; expert += kWarpLanes) mine[expert] = 0;
  __syncwarp();
  const PairRange range = pairs_of_warp(task);
  for (int pair = range.first + lane_index(); pair < range.end; pair += kWarpLanes)
    atomicAdd(&mine[expert_of(task, pair)], 1);
}

__device__ int tiles_of_expert(const GroupShared& shared, int expert) {
  int pairs = 0;
#pragma unroll
  for (int warp = 0; warp < kGroupWarps; ++warp) pairs += shared.pairs[warp][expert];
  return tile_count(pairs);
}

// Writes the tiles and runs of an expert, from these on, and where the pairs of each warp begin in them.
__device__ void place_expert(const GroupTask& task, GroupShared& shared, int expert, int tile, int tiles, int run) {
  for (int i = 0; i < tiles; ++i) task.out.tile_experts[tile + i] = expert;
  for (int i = 0; i < tiles; i += kRunTiles) task.out.runs[run++] = {tile + i, min(kRunTiles, tiles - i), expert};
  int slot = tile * kTileRows;
#pragma unroll
  for (int warp = 0; warp < kGroupWarps; ++warp) {
    const int pairs = shared.pairs[warp][expert];
    shared.pairs[warp][expert] = slot, slot += pairs;
  }
}

// Tiles and runs of all experts in the order of experts. A thread looks after neighbours.
__device__ void scan_experts(const GroupTask& task, GroupShared& shared) {
  const int each = ceil_divide(task.expert_count, kGroupThreads);
  const int first = static_cast<int>(threadIdx.x) * each, end = min(first + each, task.expert_count);
  int tiles = 0, runs = 0;
  for (int expert = first; expert < end; ++expert) {
    const int mine = tiles_of_expert(shared, expert);
    tiles += mine, runs += ceil_divide(mine, kRunTiles);
  }
  int tile = sum_before(tiles), run = sum_before(runs);
  if (lane_index() == kWarpLanes - 1)
    shared.warp_tiles[warp_index()] = tile + tiles, shared.warp_runs[warp_index()] = run + runs;
  __syncthreads();
  for (int warp = 0; warp < warp_index(); ++warp) tile += shared.warp_tiles[warp], run += shared.warp_runs[warp];
  for (int expert = first; expert < end; ++expert) {
    const int mine = tiles_of_expert(shared, expert);
    place_expert(task, shared, expert, tile, mine, run);
    tile += mine, run += ceil_divide(mine, kRunTiles);
  }
}

// A warp's pairs in their order, 32 at a time: a lane's pair comes behind those of the same expert in the lanes before it.
__device__ void place_pairs(const GroupTask& task, GroupShared& shared) {
  int* const next_slot = shared.pairs[warp_index()];
  const PairRange range = pairs_of_warp(task);
  for (int base = range.first; base < range.end; base += kWarpLanes) {
    const int pair = base + lane_index();
    const bool is_pair = pair < range.end;
    const int expert = is_pair ? expert_of(task, pair) : -1;
    const unsigned same = __match_any_sync(kAllLanes, expert);
    const int before = __popc(same & ((1u << lane_index()) - 1));
    const int slot = is_pair ? next_slot[expert] + before : 0;
    __syncwarp();
    if (is_pair) {
      if (before == 0) next_slot[expert] = slot + __popc(same);
      task.out.slot_rows[slot] = pair / task.used_count;
      task.out.slots[slot] = slot;
      task.out.pair_slots[pair] = slot;
    }
    __syncwarp();
  }
}

// One block; a counting sort, the pairs of an expert in their order whatever the order of threads: every warp counts a part of the pairs, and
// has slots of its own for them behind those of the warps before it.
__device__ __forceinline__ void group_pairs(const GroupTask& task, GroupShared& shared) {
  count_pairs(task, shared);
  __syncthreads();
  scan_experts(task, shared);
  __syncthreads();
  place_pairs(task, shared);
}

__global__ void __launch_bounds__(kGroupThreads) group_kernel(GroupTask task) {
  wait_for_previous_kernel();
  group_pairs(task, dynamic_shared<GroupShared>());
}

__global__ void __launch_bounds__(kGroupThreads) route_and_group_kernel(RouteTask route, GroupTask task) {
  wait_for_previous_kernel();
  for (int row = warp_index(); row < route.rows; row += kGroupWarps) route_row(route, row);
  __syncthreads();  // the block reads the ids that it wrote
  group_pairs(task, dynamic_shared<GroupShared>());
}

struct CombineTask {
  float* out;
  int64_t out_stride;
  const float* shares;
  int64_t share_stride;
  const float* results;  // [slot][cols]
  const int* pair_slots;
  int cols, used_count;
};

__global__ void __launch_bounds__(kCombineThreads) combine_kernel(CombineTask task) {
  wait_for_previous_kernel();
  const int row = static_cast<int>(blockIdx.y),
            col = static_cast<int>(blockIdx.x) * kCombineThreads + static_cast<int>(threadIdx.x);
  if (col >= task.cols) return;
  float sum = 0;
  for (int rank = 0; rank < task.used_count; ++rank) {
    const int slot = task.pair_slots[row * task.used_count + rank];
    sum = fmaf(task.shares[row * task.share_stride + rank], task.results[int64_t{slot} * task.cols + col], sum);
  }
  task.out[row * task.out_stride + col] += sum;
}

// Everything an operation needs beside the prepared rows, in one piece of scratch memory.
struct Memory {
  Grouping grouping;
  Tensor gated, raised, results;

  Memory(CudaContext& context, int pairs, int expert_count, int inner, int width) {
    const int most_experts = std::min(pairs, expert_count);
    const int tiles = std::min(pairs, most_experts + pairs / kTileRows), slots = tiles * kTileRows;
    const int run_count = std::min(tiles, most_experts + tiles / kRunTiles);
    const size_t run_ints = static_cast<size_t>(run_count) * sizeof(TileRun) / sizeof(int);
    const size_t indices =
        (static_cast<size_t>(tiles) + 2 * static_cast<size_t>(slots) + static_cast<size_t>(pairs) + run_ints + 63) /
        64 * 64;
    const size_t values = static_cast<size_t>(slots) * static_cast<size_t>(2 * inner + width);
    auto* at = context.expert_scratch.get<int>(indices + values);
    int* const pair_slots = at + tiles + 2 * slots;
    grouping = {at,    at + tiles, at + tiles + slots, pair_slots, reinterpret_cast<TileRun*>(pair_slots + pairs),
                tiles, run_count};
    auto* floats = reinterpret_cast<float*>(at + indices);
    const int64_t inner_values = int64_t{slots} * inner;
    gated = {floats, DType::F32, slots, inner, inner};
    raised = {floats + inner_values, DType::F32, slots, inner, inner};
    results = {floats + 2 * inner_values, DType::F32, slots, width, width};
  }
};

constexpr int kMostRoutedRows = 2 * kGroupWarps;  // by the block that groups; more are the work of several blocks

void group(CudaContext& context, Tensor ids, int expert_count, const Grouping& grouping) {
  const GroupTask task{ids.i32(), ids.stride, ids.rows * ids.cols, ids.cols, expert_count, grouping};
  if (ids.rows <= kMostRoutedRows && context.deferred.can_group(ids))
    return context.deferred.start_with({.grouping = &task});
  launch(group_kernel, Grid{"group by expert", dim3(1), kGroupThreads, sizeof(GroupShared)}, context, task);
}

}  // namespace

void route_and_group(CudaContext& context, const RouteTask& route, const GroupTask& task) {
  launch(route_and_group_kernel, Grid{"route and group", dim3(1), kGroupThreads, sizeof(GroupShared)}, context, route,
         task);
}

void project_experts(CudaContext& context, Tensor out, Tensor x, Tensor ids, Tensor shares,
                     const ExpertWeights& weights) {
  if (x.rows == 0) return;
  const auto &gate = static_cast<const CudaWeight&>(*weights.gate), &up = static_cast<const CudaWeight&>(*weights.up),
             &down = static_cast<const CudaWeight&>(*weights.down);
  PACELINE_ASSERT(gate.expert_count() <= kMaxExperts);
  const Memory memory(context, ids.rows * ids.cols, gate.expert_count(), gate.rows, down.rows);
  const Grouping& grouping = memory.grouping;
  group(context, ids, gate.expert_count(), grouping);
  const Tensor &gated = memory.gated, &raised = memory.raised, &results = memory.results;
  // Runs pay where an expert has two tiles or more; what the router says is not known here, but what it says on average is.
  const bool has_runs = ids.rows * ids.cols >= 2 * kTileRows * gate.expert_count();
  const auto rows_of = [&](Tensor from, const int* sources, bool in_order) {
    return ProductRows{.x = from,
                       .list = {sources, grouping.tiles, in_order},
                       .count = grouping.tiles * kTileRows,
                       .tile_experts = grouping.tile_experts,
                       .runs = has_runs ? grouping.runs : nullptr,
                       .run_count = has_runs ? grouping.run_count : 0,
                       .tile_rows = ids.rows};
  };
  Product first[] = {{&gate, gated.f32(), gated.stride}, {&up, raised.f32(), raised.stride}};
  multiply(context, first, rows_of(x, grouping.slot_rows, false));
  swiglu(context, gated, gated, raised);
  Product second[] = {{&down, results.f32(), results.stride}};
  multiply(context, second, rows_of(gated, grouping.slots, true));
  const CombineTask task{out.f32(),           out.stride, shares.f32(), shares.stride, memory.results.f32(),
                         grouping.pair_slots, out.cols,   ids.cols};
  launch(combine_kernel,
         Grid{"add experts",
              dim3(static_cast<unsigned>(ceil_divide(out.cols, kCombineThreads)), static_cast<unsigned>(out.rows)),
              kCombineThreads},
         context, task);
}

}  // namespace paceline::cuda

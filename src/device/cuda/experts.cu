// out += sum in rank order of share * down_e(silu(gate_e x) * up_e x).
//
// Called by project_experts. Pairs (row, rank) are sorted by expert into tiles of up to 8 pairs of one expert, in device memory: nothing waits
// for the host. A tile is then an ordinary tile of the products (multiply-inl.h), whose bits do not depend on what else is in it, so
// neither do a row's. There are launches for the most tiles the pairs can need; those that turn out to be none return at once.
// Bytes per weight: those of the experts in use, once for each tile; of an expert's further tiles most come from the second-level cache.
// Share of peak: not measured yet (no GPU).
#include <algorithm>

#include "device/cuda/experts.h"
#include "device/cuda/intrinsics.h"
#include "device/cuda/launch.h"
#include "device/cuda/multiply.h"
#include "device/cuda/rows.h"

namespace paceline::cuda {

namespace {

constexpr int kGroupThreads = 256;
constexpr int kCombineThreads = 128;

// Slot s is place s % 8 of tile s / 8. All arrays are in device memory.
struct Grouping {
  int* tile_experts;  // [tiles], -1: no tile
  int* slot_rows;  // [8 tiles], the row of x, -1: nothing
  int* slots;  // [8 tiles], s itself, -1: nothing
  int* pair_slots;  // [rows * used]
  int tiles;  // the most there can be
};

struct GroupTask {
  const int32_t* ids;
  int64_t id_stride;
  int pairs, used_count, expert_count;
  Grouping out;
};

struct GroupShared {
  int first_tile[kMaxExperts];  // the number of pairs first
};

__device__ int expert_of(const GroupTask& task, int pair) {
  return task.ids[pair / task.used_count * task.id_stride + pair % task.used_count];
}

// One block. A thread looks after whole experts and finds its pairs in their order, so that the order of threads decides nothing.
__global__ void __launch_bounds__(kGroupThreads) group_kernel(GroupTask task) {
  wait_for_previous_kernel();
  auto& shared = dynamic_shared<GroupShared>();
  const int thread = static_cast<int>(threadIdx.x);
  for (int tile = thread; tile < task.out.tiles; tile += kGroupThreads) task.out.tile_experts[tile] = -1;
  for (int slot = thread; slot < task.out.tiles * kTileRows; slot += kGroupThreads)
    task.out.slot_rows[slot] = task.out.slots[slot] = -1;
  for (int expert = thread; expert < task.expert_count; expert += kGroupThreads) {
    int count = 0;
    for (int pair = 0; pair < task.pairs; ++pair) count += expert_of(task, pair) == expert ? 1 : 0;
    shared.first_tile[expert] = count;
  }
  __syncthreads();
  if (thread == 0) {
    int tiles = 0;
    for (int expert = 0; expert < task.expert_count; ++expert) {
      const int count = shared.first_tile[expert];
      shared.first_tile[expert] = tiles;
      tiles += (count + kTileRows - 1) / kTileRows;
    }
  }
  __syncthreads();
  for (int expert = thread; expert < task.expert_count; expert += kGroupThreads) {
    int slot = shared.first_tile[expert] * kTileRows;
    for (int pair = 0; pair < task.pairs; ++pair) {
      if (expert_of(task, pair) != expert) continue;
      task.out.tile_experts[slot / kTileRows] = expert;
      task.out.slot_rows[slot] = pair / task.used_count;
      task.out.slots[slot] = slot;
      task.out.pair_slots[pair] = slot++;
    }
  }
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
    const int tiles = std::min(pairs, std::min(pairs, expert_count) + pairs / kTileRows), slots = tiles * kTileRows;
    const size_t indices =
        (static_cast<size_t>(tiles) + 2 * static_cast<size_t>(slots) + static_cast<size_t>(pairs) + 63) / 64 * 64;
    const size_t values = static_cast<size_t>(slots) * static_cast<size_t>(2 * inner + width);
    auto* at = context.expert_scratch.get<int>(indices + values);
    grouping = {at, at + tiles, at + tiles + slots, at + tiles + 2 * slots, tiles};
    auto* floats = reinterpret_cast<float*>(at + indices);
    const int64_t inner_values = int64_t{slots} * inner;
    gated = {floats, DType::F32, slots, inner, inner};
    raised = {floats + inner_values, DType::F32, slots, inner, inner};
    results = {floats + 2 * inner_values, DType::F32, slots, width, width};
  }
};

void group(CudaContext& context, Tensor ids, int expert_count, const Grouping& grouping) {
  const GroupTask task{ids.i32(), ids.stride, ids.rows * ids.cols, ids.cols, expert_count, grouping};
  launch(group_kernel, Grid{"group by expert", dim3(1), kGroupThreads, sizeof(GroupShared)}, context, task);
}

}  // namespace

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
  Product first[] = {{&gate, gated.f32(), gated.stride}, {&up, raised.f32(), raised.stride}};
  multiply(context, first, {x, {grouping.slot_rows, grouping.tiles}, gated.rows, grouping.tile_experts});
  swiglu(context, gated, gated, raised);
  Product second[] = {{&down, results.f32(), results.stride}};
  multiply(context, second, {gated, {grouping.slots, grouping.tiles}, results.rows, grouping.tile_experts});
  const CombineTask task{out.f32(),           out.stride, shares.f32(), shares.stride, memory.results.f32(),
                         grouping.pair_slots, out.cols,   ids.cols};
  launch(combine_kernel,
         Grid{"add experts",
              dim3(static_cast<unsigned>((out.cols + kCombineThreads - 1) / kCombineThreads),
                   static_cast<unsigned>(out.rows)),
              kCombineThreads},
         context, task);
}

}  // namespace paceline::cuda

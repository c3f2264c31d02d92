#pragma once
// The products of a mixture of experts. Which expert a row goes to is known on the device only, so the grouping happens there too.
#include "device/cuda/context.h"
#include "device/cuda/multiply.h"
#include "device/device.h"

namespace paceline::cuda {

struct RouteTask;

// More experts than any model has; the grouping kernel keeps a number for each in shared memory.
inline constexpr int kMaxExperts = 1024;

// Slot s is place s % 8 of tile s / 8. All arrays are in device memory.
struct Grouping {
  int* tile_experts;  // [tiles], -1: no tile
  int* slot_rows;  // [8 tiles], the row of x, -1: nothing
  int* slots;  // [8 tiles], s itself, -1: nothing
  int* pair_slots;  // [rows * used]
  TileRun* runs;  // [run_count], no tiles: no run
  int tiles, run_count;  // the most there can be
};

struct GroupTask {
  const int32_t* ids;
  int64_t id_stride;
  int pairs, used_count, expert_count;
  Grouping out;
};

// out += sum in rank order of share * down_e(silu(gate_e x) * up_e x), for the experts ids of each row.
void project_experts(CudaContext& context, Tensor out, Tensor x, Tensor ids, Tensor shares,
                     const ExpertWeights& weights);

// The choice of experts and their grouping in one kernel, for few rows.
void route_and_group(CudaContext& context, const RouteTask& route, const GroupTask& task);

}  // namespace paceline::cuda

#pragma once
// The choice of a row's experts, by a warp: alone (choose.cu) or with their grouping behind it (experts.cu).
#include "device/cuda/matrix.h"
#include "device/cuda/reduce.h"

namespace paceline::cuda {

struct RouteTask {
  Matrix logits, shares;
  int32_t* ids;
  int64_t ids_stride;
  int rows, expert_count, used_count;
};

namespace {

constexpr float kLeastShareSum = 6.1e-5f;  // spec 6

// p = softmax(logits); the used_count largest; share_i = p_i / sum of the chosen p, in rank order
__device__ __forceinline__ void route_row(const RouteTask& task, int row) {
  const int lane = lane_index();
  const float* logits = task.logits.row(row);
  float largest = -INFINITY, sum = 0;
  for (int e = lane; e < task.expert_count; e += kWarpLanes) largest = fmaxf(largest, logits[e]);
  largest = warp_max(largest);
  for (int e = lane; e < task.expert_count; e += kWarpLanes) sum += expf(logits[e] - largest);
  sum = warp_sum(sum);

  unsigned taken = 0;  // bit i: expert lane + 32 i
  float used = 0;
  int32_t* ids = task.ids + row * task.ids_stride;
  float* shares = task.shares.row(row);
  for (int rank = 0; rank < task.used_count; ++rank) {
    Candidate best{-INFINITY, task.expert_count};
    for (int e = lane; e < task.expert_count; e += kWarpLanes)
      if ((taken >> (e / kWarpLanes) & 1) == 0) best = better(best, candidate(logits[e], e));
    best = warp_best(best);
    if (best.index % kWarpLanes == lane) taken |= 1u << (best.index / kWarpLanes);
    const float share = expf(best.value - largest) / sum;
    used += share;
    if (lane == 0) ids[rank] = best.index, shares[rank] = share;
  }
  __syncwarp();
  used = fmaxf(used, kLeastShareSum);
  for (int rank = lane; rank < task.used_count; rank += kWarpLanes) shares[rank] = shares[rank] / used;
}

}  // namespace

}  // namespace paceline::cuda

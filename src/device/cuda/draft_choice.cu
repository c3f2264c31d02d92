// choose_drafts: of the listed tokens that top-k, top-p and min-p keep, the one with the largest logit / temperature + noise, and its probability
//
// Called by CudaDevice::choose_drafts behind list_candidates, once a draft. A warp is a row: lane l looks at entries l, l + 32, …; what stands
// before an entry is added up over lanes and rounds in a fixed tree, so that a row's choice is its own. No weights of a model file; a kilobyte
// a row. Share of peak: not measured yet (no GPU).
#include <algorithm>
#include <bit>

#include "device/cuda/candidates.h"
#include "device/cuda/launch.h"
#include "device/cuda/noise.h"
#include "device/cuda/reduce.h"

namespace paceline::cuda {

namespace {

constexpr int kRowsPerLaunch = 64;  // their rules are a parameter

struct DraftTask {
  const int32_t* lists;
  int64_t list_stride;
  int count;  // of tokens that a list has room for
  int32_t* out;
  int64_t out_stride;
  DraftRule rules[kRowsPerLaunch];
};

// A list's words (device/candidates.h).
struct ListWords {
  const int32_t* words;
  int count;

  __device__ float largest() const { return std::bit_cast<float>(words[0]); }
  __device__ float sum() const { return std::bit_cast<float>(words[1]); }
  __device__ int token(int i) const { return words[kFirstCandidateWord + i]; }
  __device__ float logit(int i) const { return std::bit_cast<float>(words[kFirstCandidateWord + count + i]); }
  // exp(logit - largest)
  __device__ float share(int i) const { return expf(logit(i) - largest()); }
};

// Tokens of -1 stand behind the last of a list.
__device__ __forceinline__ int listed_count(const ListWords& list) {
  int own = 0;
  for (int i = lane_index(); i < list.count; i += kWarpLanes) own += list.token(i) >= 0 ? 1 : 0;
  return warp_add(own);
}

// The sum of the shares that probabilities are of: of what top-k keeps, or of the whole row.
__device__ __forceinline__ float sum_of_kept(const ListWords& list, const DraftRule& rule, int kept) {
  if (rule.top_k != kept) return list.sum();
  float sum = 0;
  for (int i = lane_index(); i < kept; i += kWarpLanes) sum += list.share(i);
  return warp_sum(sum);
}

// Of this lane and those before it.
__device__ __forceinline__ float sum_to_lane(float value) {
#pragma unroll
  for (int distance = 1; distance < kWarpLanes; distance *= 2) {
    const float before = __shfl_sync(kAllLanes, value, max(lane_index() - distance, 0));
    if (lane_index() >= distance) value += before;
  }
  return value;
}

// The entry that wins, to every lane.
__device__ __forceinline__ int choose(const ListWords& list, const DraftRule& rule) {
  if (!(rule.temperature > 0)) return 0;
  const int listed = listed_count(list), kept = rule.top_k > 0 ? min(rule.top_k, listed) : listed;
  const bool cuts_by_share = rule.top_p < 1;
  const float most = cuts_by_share ? rule.top_p * sum_of_kept(list, rule, kept) : 0;
  const float lowest = rule.min_p > 0 ? list.largest() + logf(rule.min_p) : -INFINITY;
  Candidate best{-INFINITY, INT32_MAX};  // by token
  int best_entry = 0;
  float reached = 0;  // by the rounds before
  for (int first = 0; first < kept; first += kWarpLanes) {
    const int i = first + lane_index();
    const bool is_inside = i < kept;
    float before = reached;
    if (cuts_by_share) {
      const float to_lane = sum_to_lane(is_inside ? list.share(i) : 0.0f);
      const float to_last = __shfl_sync(kAllLanes, to_lane, max(lane_index() - 1, 0));
      if (lane_index() > 0) before += to_last;
      reached += __shfl_sync(kAllLanes, to_lane, kWarpLanes - 1);
    }
    if (!is_inside || (cuts_by_share && !(before < most)) || !(list.logit(i) >= lowest)) continue;
    const float noise = rough_gumbel_noise(rule.seed, rule.position, list.token(i));
    const Candidate next = candidate(list.logit(i) / rule.temperature + noise, list.token(i));
    const Candidate winner = better(best, next);
    if (winner.index != best.index) best_entry = i;
    best = winner;
  }
  const Candidate winner = warp_best(best);
  // Tokens of a list differ, so that one lane has it; none where nothing was kept.
  return warp_add(winner.index == best.index && winner.index != INT32_MAX ? best_entry : 0);
}

__global__ void __launch_bounds__(kWarpLanes) choose_drafts_kernel(DraftTask task) {
  wait_for_previous_kernel();
  const int row = static_cast<int>(blockIdx.x);
  const ListWords list{task.lists + row * task.list_stride, task.count};
  const int entry = choose(list, task.rules[row]);
  if (lane_index() != 0) return;
  int32_t* out = task.out + row * task.out_stride;
  out[0] = list.token(entry);
  out[1] = std::bit_cast<int32_t>(list.sum() > 0 ? list.share(entry) / list.sum() : 0.0f);
}

}  // namespace

void choose_drafts(CudaContext& context, Tensor out, Tensor lists, std::span<const DraftRule> rules) {
  const int count = candidate_room(lists.cols);
  for (int first = 0; first < lists.rows; first += kRowsPerLaunch) {
    const int rows = std::min(kRowsPerLaunch, lists.rows - first);
    DraftTask task{lists.i32(first), lists.stride, count, out.i32(first), out.stride, {}};
    std::copy_n(rules.begin() + first, rows, task.rules);
    launch(choose_drafts_kernel, Grid{"choose_drafts", dim3(static_cast<unsigned>(rows)), kWarpLanes, 0}, context,
           task);
  }
}

}  // namespace paceline::cuda

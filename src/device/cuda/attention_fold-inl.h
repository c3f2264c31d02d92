#pragma once
// Folding the splits of a query, for the attention kernels (attention_task.h says in which order).
#include "device/cuda/platform.h"

namespace paceline::cuda {

namespace {

// A query's share in a fold is 1 or less; this says that the split has no position for it.
constexpr float kNothing = -1;

// Maximum and total of the splits so far, and what the sums so far and the next split's are multiplied with.
__device__ __forceinline__ void fold_shares(float& maximum, float& total, float split_maximum, float split_total,
                                            float& old_share, float& new_share) {
  const float now = fmaxf(maximum, split_maximum);
  old_share = expf(maximum - now);
  new_share = expf(split_maximum - now);
  total = fmaf(split_total, new_share, total * old_share);
  maximum = now;
}

__device__ __forceinline__ float fold(float so_far, float split, float old_share, float new_share) {
  return fmaf(split, new_share, so_far * old_share);
}

// Of the queries of a block, in shared memory.
template <int kQueries>
struct FoldState {
  float maximum[kQueries], total[kQueries];  // of the split; in a walk, of all so far
  alignas(8) float old_share[kQueries], new_share[kQueries];  // of the sums so far and of the split

  __device__ __forceinline__ void skip_split(int query) { new_share[query] = kNothing; }
  // `walked`: splits folded before this one.
  __device__ __forceinline__ void add_split(int query, float split_maximum, float split_total, int walked) {
    new_share[query] = 1;
    if (walked > 0) {
      fold_shares(maximum[query], total[query], split_maximum, split_total, old_share[query], new_share[query]);
    } else {
      maximum[query] = split_maximum, total[query] = split_total;
    }
  }
};

}  // namespace

}  // namespace paceline::cuda

#pragma once
// The arguments of the delta rule's kernels, and what it wants of its rows before it goes through them: q and k of length 1 and the gates, once per
// row; keys and decays of a Generate step are recorded. Done by the convolution that makes q and k where it can (conv_silu.cu), else by a kernel (delta_rule.cu). For .cu files.
#include "device/cuda/matrix.h"
#include "device/cuda/recurrent.h"
#include "device/cuda/reduce.h"

namespace paceline::cuda {

struct Recorded {
  Matrix key, delta, decay;
};

struct DeltaSegment {
  float* state;  // value heads x head_dim (keys) x head_dim (values)
  Recorded sides[2];  // one of the step before, replayed; one of this step
  int sequence, first_row, row_count;  // sequence: in DeltaTask::now
  bool is_prompt;

  __device__ const Recorded& old(const SequenceNow& now) const { return sides[now.record ^ 1]; }
  __device__ const Recorded& record(const SequenceNow& now) const { return sides[now.record]; }
};

struct DeltaTask {
  Matrix qkv, beta, alpha, out;
  const SequenceNow* now;
  const float *a, *dt;
  float eps, out_scale;
  int key_heads, value_heads, dim;
  bool grouped_heads;
  Matrix normalised;  // rows x 2 * key_heads * dim: q, then k
  Matrix gates;  // rows x 2 * value_heads: beta, then decay
  DeltaSegment segments[kMaxDeltaSegments];
};
static_assert(sizeof(DeltaTask) <= 4096);

namespace {

__device__ __forceinline__ float softplus(float x) { return x > 20 ? x : log1pf(expf(x)); }

// By a warp: one head's q or k (`vector` counts both) of row i of the segment, from `x`.
__device__ __forceinline__ void normalise_vector(const DeltaTask& task, const DeltaSegment& segment,
                                                 const Recorded& record, int i, int vector, const float* x) {
  float values[kMaxDeltaDim / kWarpLanes], sum = 0;
#pragma unroll
  for (int n = 0; n < kMaxDeltaDim / kWarpLanes; ++n) {
    const int d = lane_index() + n * kWarpLanes;
    values[n] = d < task.dim ? x[d] : 0.0f;
  }
#pragma unroll
  for (const float value : values) sum = fmaf(value, value, sum);
  const float scale = 1.0f / fmaxf(sqrtf(warp_sum(sum)), task.eps);
  float* out = task.normalised.row(segment.first_row + i) + vector * task.dim;
  const bool is_recorded = !segment.is_prompt && vector >= task.key_heads;
#pragma unroll
  for (int n = 0; n < kMaxDeltaDim / kWarpLanes; ++n) {
    const int d = lane_index() + n * kWarpLanes;
    if (d >= task.dim) break;
    out[d] = values[n] * scale;
    if (is_recorded) record.key.row(i)[(vector - task.key_heads) * task.dim + d] = values[n] * scale;
  }
}

// By `threads` threads: the gates of row i of the segment.
__device__ __forceinline__ void make_gates(const DeltaTask& task, const DeltaSegment& segment, const Recorded& record,
                                           int i, int threads) {
  const int row = segment.first_row + i;
  float* gates = task.gates.row(row);
  for (int head = static_cast<int>(threadIdx.x); head < task.value_heads; head += threads) {
    const float decay = expf(task.a[head] * softplus(task.alpha.row(row)[head] + task.dt[head]));
    gates[head] = 1.0f / (1.0f + expf(-task.beta.row(row)[head]));
    gates[task.value_heads + head] = decay;
    if (!segment.is_prompt) record.decay.row(i)[head] = decay;
  }
}

}  // namespace

}  // namespace paceline::cuda

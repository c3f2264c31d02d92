// x_s, x_(s + dims/2) <- x_s cos - x_(s + dims/2) sin, x_s sin + x_(s + dims/2) cos with the angle position * base^(-2s / dims)
//
// Called by CudaDevice::rotate, twice per attention layer. A block does some heads of a row of the batch: its threads first make the row's
// cosines and sines (in double, since positions are large), then each turns up to kPairs pairs with them. No weights of a model file.
// Share of peak: not measured yet (no GPU).
#include <cmath>

#include "device/cuda/attention.h"
#include "device/cuda/kv_layout.h"
#include "device/cuda/launch.h"
#include "device/cuda/matrix.h"

namespace paceline::cuda {

namespace {

constexpr int kThreads = 128, kMaxHalf = kMaxHeadDim / 2;
constexpr int kPairs = 2, kBlockPairs = kPairs * kThreads;

struct RowRange {
  int first_row, row_count;
  SegmentPlace place;
};

struct RotateTask {
  Matrix heads;  // rows * head_count rows
  const SequenceNow* now;
  int head_count, half, first_row;
  double turns[kMaxHalf];  // per position, in radians
  RowRange segments[kMaxSegments];
};

struct RotateShared {
  float cosine[kMaxHalf], sine[kMaxHalf];
};

__global__ void __launch_bounds__(kThreads) rotate_kernel(RotateTask task) {
  wait_for_previous_kernel();
  auto& shared = dynamic_shared<RotateShared>();
  const int row = task.first_row + static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  int segment = 0;
  while (row >= task.segments[segment].first_row + task.segments[segment].row_count) ++segment;
  const int position = task.segments[segment].place.first_position(task.now) + row - task.segments[segment].first_row;
  for (int s = thread; s < task.half; s += kThreads) {
    const double angle = position * task.turns[s];
    shared.cosine[s] = static_cast<float>(cos(angle));
    shared.sine[s] = static_cast<float>(sin(angle));
  }
  __syncthreads();
  const int first = static_cast<int>(blockIdx.y) * kBlockPairs + thread;
  float* places[kPairs] = {};
  float a[kPairs] = {}, b[kPairs] = {};
#pragma unroll
  for (int n = 0; n < kPairs; ++n) {
    const int i = first + n * kThreads;
    if (i >= task.head_count * task.half) break;
    places[n] = task.heads.row(int64_t{row} * task.head_count + i / task.half) + i % task.half;
    a[n] = places[n][0], b[n] = places[n][task.half];
  }
#pragma unroll
  for (int n = 0; n < kPairs; ++n) {
    const int i = first + n * kThreads, s = i % task.half;
    if (i >= task.head_count * task.half) break;
    const float cosine = shared.cosine[s], sine = shared.sine[s];
    places[n][0] = fmaf(-b[n], sine, a[n] * cosine);
    places[n][task.half] = fmaf(a[n], sine, b[n] * cosine);
  }
}

}  // namespace

void rotate(CudaContext& context, Tensor x, const Batch& batch, const RotaryShape& shape) {
  const int half = shape.dims / 2;
  if (half == 0) return;
  PACELINE_ASSERT(half <= kMaxHalf);
  RotateTask task{matrix(x), context.step.of(batch), shape.head_count, half, 0, {}, {}};
  for (int s = 0; s < half; ++s) task.turns[s] = std::pow(shape.base, -2.0 * s / shape.dims);
  for_segment_groups(batch.segments, [&](std::span<const Segment> segments) {
    task.first_row = segments.front().first_row;
    for (size_t i = 0; i < segments.size(); ++i)
      task.segments[i] = {segments[i].first_row, segments[i].row_count, context.step.place(segments[i])};
    const int rows = segments.back().first_row + segments.back().row_count - task.first_row;
    const dim3 blocks(static_cast<unsigned>(rows),
                      static_cast<unsigned>(ceil_divide(shape.head_count * half, kBlockPairs)));
    launch(rotate_kernel, Grid{"rotate", blocks, kThreads, sizeof(RotateShared)}, context, task);
  });
}

}  // namespace paceline::cuda

// x_s, x_(s + dims/2) <- x_s cos - x_(s + dims/2) sin, x_s sin + x_(s + dims/2) cos with the angle position * base^(-2s / dims)
//
// Called by CudaDevice::rotate, twice per attention layer. A block does one row of the batch: its threads first make the row's cosines and
// sines (in double, since positions are large), then turn all its heads with them. No weights of a model file.
// Share of peak: not measured yet (no GPU).
#include <cmath>

#include "device/cuda/attention.h"
#include "device/cuda/kv_layout.h"
#include "device/cuda/launch.h"
#include "device/cuda/matrix.h"

namespace paceline::cuda {

namespace {

constexpr int kThreads = 128, kMaxHalf = kMaxHeadDim / 2;

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
  for (int i = thread; i < task.head_count * task.half; i += kThreads) {
    const int s = i % task.half;
    float* values = task.heads.row(int64_t{row} * task.head_count + i / task.half);
    const float a = values[s], b = values[s + task.half], cosine = shared.cosine[s], sine = shared.sine[s];
    values[s] = fmaf(-b, sine, a * cosine);
    values[s + task.half] = fmaf(a, sine, b * cosine);
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
    launch(rotate_kernel, Grid{"rotate", dim3(static_cast<unsigned>(rows)), kThreads, sizeof(RotateShared)}, context,
           task);
  });
}

}  // namespace paceline::cuda

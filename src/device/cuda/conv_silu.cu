// out_(r, c) = silu(sum over taps of weight_(c, tap) * column_(r - taps + 1 + tap, c)); columns before the rows are the recorded window.
// Leaves the record that the next step's window is taken from (device/state.h).
//
// Called by CudaDevice::conv_silu, once per recurrent layer. A thread is a channel and goes down up to 16 rows; the columns it reads again for
// the next row come from the L1 cache. Blocks of rows are independent, since the input is not overwritten. 4 bytes per weight.
// Share of peak: not measured yet (no GPU).
#include "device/cuda/launch.h"
#include "device/cuda/matrix.h"
#include "device/cuda/recurrent.h"

namespace paceline::cuda {

namespace {

constexpr int kThreads = 128, kRowsOfBlock = 16;

struct ConvSegment {
  // Of the records: one begins with the window, the taps - 1 columns before the first row; this step's columns go to the other.
  Matrix sides[2];
  SegmentPlace place;
  int first_row, row_count;
  bool keeps_all;  // a Generate step records every column, a Prompt step the last ones
};

struct ConvTask {
  Matrix out, u;
  const SequenceNow* now;
  const float* weight;  // channels x taps
  int channels, taps;
  ConvSegment segments[kMaxSegments];
};

// Channel c of column i of a segment; below 0: of the window.
__device__ __forceinline__ float column(const ConvTask& task, const ConvSegment& segment, const Matrix& window, int i,
                                        int c) {
  return i < 0 ? window.row(task.taps - 1 + i)[c] : task.u.row(segment.first_row + i)[c];
}

__global__ void __launch_bounds__(kThreads) conv_silu_kernel(ConvTask task) {
  wait_for_previous_kernel();
  const ConvSegment& segment = task.segments[blockIdx.z];
  const int c = static_cast<int>(blockIdx.x * kThreads + threadIdx.x), before = task.taps - 1;
  const int first = static_cast<int>(blockIdx.y) * kRowsOfBlock, end = min(first + kRowsOfBlock, segment.row_count);
  if (c >= task.channels || first >= segment.row_count) return;
  const SequenceNow now = task.now[segment.place.sequence];
  const Matrix record = segment.sides[now.record];
  const Matrix window{segment.sides[now.record ^ 1].row(now.replayed), record.stride};
  float weights[kMaxConvTaps];
#pragma unroll
  for (int tap = 0; tap < kMaxConvTaps; ++tap) weights[tap] = tap < task.taps ? task.weight[c * task.taps + tap] : 0.0f;
  for (int i = first; i < end; ++i) {
    float sum = 0;
#pragma unroll
    for (int tap = 0; tap < kMaxConvTaps; ++tap)
      if (tap < task.taps) sum = fmaf(weights[tap], column(task, segment, window, i - before + tap, c), sum);
    task.out.row(segment.first_row + i)[c] = sum / (1.0f + expf(-sum));
    if (segment.keeps_all) record.row(before + i)[c] = column(task, segment, window, i, c);
  }
  if (first > 0) return;
  // What the record begins with: of a Generate step the window, of a Prompt step the last columns, which are all it has.
  const int from = segment.keeps_all ? -before : segment.row_count - before;
  for (int i = 0; i < before; ++i) record.row(i)[c] = column(task, segment, window, from + i, c);
}

}  // namespace

void conv_silu(CudaContext& context, Tensor out, Tensor u, const Batch& batch, int layer, Tensor weight) {
  const int taps = weight.cols;
  PACELINE_ASSERT(weight.stride == taps && taps >= 1 && taps <= kMaxConvTaps);
  ConvTask task{matrix(out), matrix(u), context.step.of(batch), weight.f32(), u.cols, taps, {}};
  for_segment_groups(batch.segments, [&](std::span<const Segment> segments) {
    int most_rows = 0;
    for (size_t i = 0; i < segments.size(); ++i) {
      SequenceState& state = *segments[i].state;
      RecurrentMemory& memory = state.recurrent(layer);
      PACELINE_ASSERT(state.replayed() + taps - 1 <= memory.conv[0].rows);
      task.segments[i] = {{matrix(memory.conv[0]), matrix(memory.conv[1])},
                          context.step.place(segments[i]),
                          segments[i].first_row,
                          segments[i].row_count,
                          segments[i].phase == Phase::Generate};
      most_rows = std::max(most_rows, segments[i].row_count);
    }
    const dim3 blocks(static_cast<unsigned>(ceil_divide(u.cols, kThreads)),
                      static_cast<unsigned>(ceil_divide(most_rows, kRowsOfBlock)),
                      static_cast<unsigned>(segments.size()));
    launch(conv_silu_kernel, Grid{"conv_silu", blocks, kThreads, 0}, context, task);
  });
}

}  // namespace paceline::cuda

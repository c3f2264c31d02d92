// out_(r, c) = silu(sum over taps of weight_(c, tap) * column_(r - taps + 1 + tap, c)); columns before the rows are the recorded window.
// Leaves the record that the next step's window is taken from (device/state.h).
//
// Called by CudaDevice::conv_silu, once per recurrent layer, mostly for a delta rule that comes next (deferred_rows.h). A thread is a channel of
// up to 8 rows and asks for all columns that they need at once. Blocks of rows are independent, since the input is not overwritten. 4 bytes
// per weight.
// Share of peak: not measured yet (no GPU).
#include "device/cuda/delta_prepare-inl.h"
#include "device/cuda/launch.h"

namespace paceline::cuda {

namespace {

constexpr int kRowsOfBlock = 8;
constexpr int kOlder = kMaxConvTaps - 1;  // the most columns before a row that it needs

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
  return *(i < 0 ? window.row(task.taps - 1 + i) + c : task.u.row(segment.first_row + i) + c);
}

// The columns that a Prompt step leaves for the next one: its last.
__device__ __forceinline__ void record_last(const ConvTask& task, const ConvSegment& segment, const Matrix& window,
                                            const Matrix& record, int c) {
  const int before = task.taps - 1;
  float last[kOlder];
#pragma unroll
  for (int i = 0; i < kOlder; ++i)
    last[i] = i < before ? column(task, segment, window, segment.row_count - before + i, c) : 0.0f;
#pragma unroll
  for (int i = 0; i < kOlder; ++i)
    if (i < before) record.row(i)[c] = last[i];
}

// Those of the block's channels.
__device__ __forceinline__ void prefetch_taps(const ConvTask& task) {
  const int first = static_cast<int>(blockIdx.x) * kConvThreads, channels = min(kConvThreads, task.channels - first);
  prefetch_floats(task.weight + int64_t{first} * task.taps, channels * task.taps);
}

// What a thread knows of its place.
struct ConvPlace {
  int channel, first_row, rows;  // of the segment; no rows: nothing to do

  __device__ explicit ConvPlace(const ConvTask& task)
      : channel(static_cast<int>(blockIdx.x * kConvThreads + threadIdx.x)),
        first_row(static_cast<int>(blockIdx.y) * kRowsOfBlock),
        rows(min(kRowsOfBlock, task.segments[blockIdx.z].row_count - first_row)) {}
};

// A thread's channel of its rows.
__device__ __forceinline__ void convolve(const ConvTask& task, const ConvPlace& place, float (&results)[kRowsOfBlock]) {
  const ConvSegment& segment = task.segments[blockIdx.z];
  const int c = place.channel, first = place.first_row, rows = place.rows;
  const SequenceNow now = task.now[segment.place.sequence];
  const Matrix record = segment.sides[now.record];
  const Matrix window{segment.sides[now.record ^ 1].row(now.replayed), record.stride};
  // Taps and the older columns end at fixed places, however many there are: columns[kOlder + r] is row r's own.
  const int missing = kMaxConvTaps - task.taps;
  float weights[kMaxConvTaps], columns[kOlder + kRowsOfBlock];
#pragma unroll
  for (int i = 0; i < kMaxConvTaps; ++i) weights[i] = i >= missing ? task.weight[c * task.taps + i - missing] : 0.0f;
#pragma unroll
  for (int i = 0; i < kOlder + kRowsOfBlock; ++i)
    columns[i] = i >= missing && i < kOlder + rows ? column(task, segment, window, first + i - kOlder, c) : 0.0f;
#pragma unroll
  for (int r = 0; r < kRowsOfBlock; ++r) {
    if (r >= rows) break;
    float sum = 0;
#pragma unroll
    for (int i = 0; i < kMaxConvTaps; ++i)
      if (i >= missing) sum = fmaf(weights[i], columns[r + i], sum);
    results[r] = sum / (1.0f + expf(-sum));
    task.out.row(segment.first_row + first + r)[c] = results[r];
  }
  if (!segment.keeps_all) {
    if (first == 0) record_last(task, segment, window, record, c);
    return;
  }
  // The record is the window, which the first block writes, and every column.
  const int oldest = first == 0 ? missing : kOlder;
#pragma unroll
  for (int i = 0; i < kOlder + kRowsOfBlock; ++i)
    if (i >= oldest && i < kOlder + rows) record.row(first + i - missing)[c] = columns[i];
}

__global__ void __launch_bounds__(kConvThreads) conv_silu_kernel(ConvTask task) {
  prefetch_taps(task);
  wait_for_previous_kernel();
  const ConvPlace place(task);
  float results[kRowsOfBlock] = {};
  if (place.channel < task.channels && place.rows > 0) convolve(task, place, results);
}

struct ConvShared {
  float results[kRowsOfBlock][kConvThreads];
};

// The same; the blocks that make q and k also make them ready for the delta rule, and one behind those of all channels makes the gates. A head
// fills a block or a half or quarter of one.
__global__ void __launch_bounds__(kConvThreads) conv_and_prepare_kernel(ConvTask task, DeltaTask prepare) {
  prefetch_taps(task);
  wait_for_previous_kernel();
  const ConvPlace place(task);
  if (place.rows <= 0) return;
  const DeltaSegment& segment = prepare.segments[blockIdx.z];
  const Recorded& record = segment.record(prepare.now[segment.sequence]);
  const int first_channel = static_cast<int>(blockIdx.x) * kConvThreads;
  if (first_channel >= task.channels) {
    for (int r = 0; r < place.rows; ++r) make_gates(prepare, segment, record, place.first_row + r, kConvThreads);
    return;
  }
  float results[kRowsOfBlock] = {};
  if (place.channel < task.channels) convolve(task, place, results);
  if (first_channel >= 2 * prepare.key_heads * prepare.dim) return;

  auto& shared = dynamic_shared<ConvShared>();
#pragma unroll
  for (int r = 0; r < kRowsOfBlock; ++r) shared.results[r][threadIdx.x] = results[r];
  __syncthreads();
  const int heads = kConvThreads / prepare.dim;  // of the block
  for (int item = warp_index(); item < place.rows * heads; item += kConvThreads / kWarpLanes) {
    const int r = item / heads, head = item % heads;
    normalise_vector(prepare, segment, record, place.first_row + r, first_channel / prepare.dim + head,
                     &shared.results[r][head * prepare.dim]);
  }
}

void launch_conv(CudaContext& context, const ConvTask& task, dim3 blocks, const DeltaTask* prepare) {
  if (prepare == nullptr) return launch(conv_silu_kernel, Grid{"conv_silu", blocks, kConvThreads, 0}, context, task);
  blocks.x = static_cast<unsigned>(ceil_divide(task.channels, kConvThreads) + 1);
  launch(conv_and_prepare_kernel, Grid{"conv_silu and prepare", blocks, kConvThreads, sizeof(ConvShared)}, context,
         task, *prepare);
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
    const dim3 blocks(static_cast<unsigned>(ceil_divide(u.cols, kConvThreads)),
                      static_cast<unsigned>(ceil_divide(most_rows, kRowsOfBlock)),
                      static_cast<unsigned>(segments.size()));
    const auto start = [=, &context](const RowExtras& extras) { launch_conv(context, task, blocks, extras.prepare); };
    if (batch.segments.size() <= kMaxDeltaSegments) start_or_defer(context, out, RowsMadeBy::Convolution, start);
    else start({});
  });
}

}  // namespace paceline::cuda

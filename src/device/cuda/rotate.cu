// x_s, x_(s + dims/2) <- x_s cos - x_(s + dims/2) sin, x_s sin + x_(s + dims/2) cos with the angle position * base^(-2s / dims)
//
// Called by CudaDevice::rotate, twice per attention layer, mostly with heads that a norm is about to make (deferred_rows.h): then a warp norms a
// head in registers, turns it there and, if it is a key, stores it (kv_store-inl.h). Else a thread turns up to kPairs pairs. Angles are products of
// integers, in 2^-64 circles, since positions are large and GPUs for homes are slow with doubles. No weights of a model file but the norm's.
// Share of peak: not measured yet (no GPU).
#include <cmath>

#include "device/cuda/attention.h"
#include "device/cuda/kv_store-inl.h"
#include "device/cuda/rotary.h"
#include "device/cuda/row_pieces-inl.h"

namespace paceline::cuda {

namespace {

constexpr int kPairs = 2, kTurnThreads = 128, kBlockPairs = kPairs * kTurnThreads;

struct Turn {
  float cosine, sine;

  // Of `place`, 0 to half - 1, at a position. The upper 24 bits of the angle are turned with, the next 8 corrected for.
  __device__ __forceinline__ Turn(const RotateTask& task, int place, int position) {
    const auto half_circles = static_cast<int32_t>(static_cast<uint64_t>(position) * task.turns[place] >> 32);
    constexpr float kUnit = 0x1p-31f, kPi = 3.14159265f;
    const float rest = static_cast<float>(half_circles & 255) * (kUnit * kPi);
    float s, c;
    sincospif(static_cast<float>(half_circles & ~255) * kUnit, &s, &c);
    sine = fmaf(c, rest, s);
    cosine = fmaf(-s, rest, c);
  }
  // The lower and the upper element of a pair.
  __device__ __forceinline__ float lower(float a, float b) const { return fmaf(-b, sine, a * cosine); }
  __device__ __forceinline__ float upper(float a, float b) const { return fmaf(a, sine, b * cosine); }
};

__device__ __forceinline__ int segment_of(const RotateTask& task, int row) {
  int segment = 0;
  while (row >= task.segments[segment].first_row + task.segments[segment].row_count) ++segment;
  return segment;
}

__device__ __forceinline__ int position_of(const RotateTask& task, const RowRange& segment, int row) {
  return segment.place.first_position(task.now) + row - segment.first_row;
}

// blockIdx.x: row of the batch; blockIdx.y: kBlockPairs pairs of it.
__global__ void __launch_bounds__(kTurnThreads) rotate_kernel(RotateTask task) {
  wait_for_previous_kernel();
  const int row = task.first_row + static_cast<int>(blockIdx.x),
            position = position_of(task, task.segments[segment_of(task, row)], row);
  const int first = static_cast<int>(blockIdx.y) * kBlockPairs + static_cast<int>(threadIdx.x);
  float* places[kPairs] = {};
  float a[kPairs] = {}, b[kPairs] = {};
#pragma unroll
  for (int n = 0; n < kPairs; ++n) {
    const int i = first + n * kTurnThreads;
    if (i >= task.head_count * task.half) break;
    places[n] = task.heads.row(int64_t{row} * task.head_count + i / task.half) + i % task.half;
    a[n] = places[n][0], b[n] = places[n][task.half];
  }
#pragma unroll
  for (int n = 0; n < kPairs; ++n) {
    const int i = first + n * kTurnThreads;
    if (i >= task.head_count * task.half) break;
    const Turn turn(task, i % task.half, position);
    places[n][0] = turn.lower(a[n], b[n]);
    places[n][task.half] = turn.upper(a[n], b[n]);
  }
}

constexpr int kWarps = kShortThreads / kWarpLanes;

struct TurnedRows {
  alignas(16) float normed[kWarps][kShortColumns];  // a warp's own: an element's partner is another lane's
};

// By a warp, whose own `normed` is; the turned values are there in the end, too, if they are kept.
template <bool kKeepsTurned>
__device__ __forceinline__ void norm_and_turn(const RowTask& task, const RotateTask& rotation, int row, int position,
                                              float* normed) {
  using RowPiece = Piece<kWarpLanes>;
  const RowPiece piece(task, lane_index(), 0);
  typename RowPiece::Values values = {}, weight = {};
  piece.load(values, task.x.row(row)), piece.load(weight, task.weight);
  float sum = 0;
  piece.for_values([&](int step, int i) { sum = fmaf(values[step][i], values[step][i], sum); });
  const float scale = norm_scale(task, warp_sum(sum));
  piece.for_values([&](int step, int i) { values[step][i] = values[step][i] * scale * weight[step][i]; });
  piece.store(normed, values);
  __syncwarp();
  const int half = rotation.half;
  piece.for_steps([&](int step, int column) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int at = column + i;
      if (at >= 2 * half) break;
      const Turn turn(rotation, at % half, position);
      values[step][i] =
          at < half ? turn.lower(values[step][i], normed[at + half]) : turn.upper(normed[at - half], values[step][i]);
    }
  });
  piece.store(task.out.row(row), values);
  if constexpr (!kKeepsTurned) return;
  __syncwarp();
  piece.store(normed, values);
  __syncwarp();
}

__global__ void __launch_bounds__(kShortThreads) rotated_rms_norm_kernel(RowTask task, RotateTask rotation) {
  prefetch_vector(task.weight, task.cols);
  wait_for_previous_kernel();
  const int head = row_of_thread<kWarpLanes>(task.rows);
  if (head < 0) return;
  const int row = head / rotation.head_count, segment = segment_of(rotation, row);
  norm_and_turn<false>(task, rotation, head, position_of(rotation, rotation.segments[segment], row),
                       dynamic_shared<TurnedRows>().normed[warp_index()]);
}

// blockIdx.y: keys, or the values beside them.
__global__ void __launch_bounds__(kShortThreads)
    rotated_and_stored_kernel(RowTask task, RotateTask rotation, StoredHeads stored) {
  prefetch_vector(task.weight, task.cols);
  wait_for_previous_kernel();
  const int index = row_of_thread<kWarpLanes>(task.rows);
  if (index < 0) return;
  const int row = index / rotation.head_count, head = index % rotation.head_count, segment = segment_of(rotation, row),
            position = position_of(rotation, rotation.segments[segment], row);
  float own[kMostOwn];
  if (blockIdx.y == 0) {
    float* turned = dynamic_shared<TurnedRows>().normed[warp_index()];
    norm_and_turn<true>(task, rotation, index, position, turned);
    load_own(own, turned, task.cols);
    store_as<true>(stored.types[0], stored.slabs[segment][0].head(head), position, task.cols, own);
  } else {
    load_own(own, stored.values.row(row) + head * task.cols, task.cols);
    store_as<false>(stored.types[1], stored.slabs[segment][1].head(head), position, task.cols, own);
  }
}

// Circles a position in 2^-64.
uint64_t circles(double radians) {
  return static_cast<uint64_t>(std::llround(std::ldexp(radians / (2 * M_PI), 63))) * 2;
}

}  // namespace

void rotated_rms_norm(CudaContext& context, const Norm& norm, const RotateTask& rotation, const StoredHeads* stored) {
  const RowTask task = task_of(norm);
  const unsigned blocks = static_cast<unsigned>(ceil_divide(task.rows, kWarps));
  if (stored == nullptr)
    launch(rotated_rms_norm_kernel, Grid{"rms_norm and rotate", dim3(blocks), kShortThreads, sizeof(TurnedRows)},
           context, task, rotation);
  else
    launch(rotated_and_stored_kernel,
           Grid{"rms_norm, rotate and store", dim3(blocks, 2), kShortThreads, sizeof(TurnedRows)}, context, task,
           rotation, *stored);
}

void rotate(CudaContext& context, Tensor x, const Batch& batch, const RotaryShape& shape) {
  const int half = shape.dims / 2;
  if (half == 0) return;
  PACELINE_ASSERT(half <= kMaxHeadDim / 2);
  RotateTask task{matrix(x), context.step.of(batch), shape.head_count, half, 0, {}, {}};
  for (int s = 0; s < half; ++s) task.turns[s] = circles(std::pow(shape.base, -2.0 * s / shape.dims));
  for_segment_groups(batch.segments, [&](std::span<const Segment> segments) {
    task.first_row = segments.front().first_row;
    for (size_t i = 0; i < segments.size(); ++i)
      task.segments[i] = {segments[i].first_row, segments[i].row_count, context.step.place(segments[i])};
    if (segments.size() == batch.segments.size() && context.deferred.can_rotate(x))
      return context.deferred.add_rotation(task);
    const int rows = segments.back().first_row + segments.back().row_count - task.first_row;
    const dim3 blocks(static_cast<unsigned>(rows),
                      static_cast<unsigned>(ceil_divide(shape.head_count * half, kBlockPairs)));
    launch(rotate_kernel, Grid{"rotate", blocks, kTurnThreads, 0}, context, task);
  });
}

}  // namespace paceline::cuda

// cache[position of row r] = k_r, v_r, rounded to the cache's type (q8_0: as src/quant/q8_0.h encodes)
//
// Called by CudaDevice::store_kv, once per attention layer. A warp does one head of one row: 32 dimensions at a time, which is a block of q8_0.
// Writes of keys go to 2- or 4-byte places 16 bytes and more apart; a batch writes a few rows where attention reads thousands.
// No weights of a model file. Share of peak: not measured yet (no GPU).
#include "device/cuda/attention.h"
#include "device/cuda/kv_layout.h"
#include "device/cuda/launch.h"
#include "device/cuda/matrix.h"
#include "device/cuda/reduce.h"

namespace paceline::cuda {

namespace {

constexpr int kThreads = 128;

struct StoreSegment {
  KvSlab slabs[2];  // keys, values
  int first_row, row_count;
  SegmentPlace place;
};

struct StoreTask {
  Matrix rows[2];
  DType types[2];
  const SequenceNow* now;
  int head_count, head_dim;
  StoreSegment segments[kMaxSegments];
};

// The place of dimension d of a position, counted in values.
template <bool kKeys>
__device__ __forceinline__ int64_t place(int position, int d, int head_dim, int per_piece) {
  if constexpr (!kKeys) return int64_t{position} * head_dim + d;
  const int lane = position % kPanelPositions;
  return int64_t{position - lane} * head_dim + (int64_t{d / per_piece} * kPanelPositions + lane) * per_piece +
         d % per_piece;
}

// 32 dimensions of a warp, as src/quant/q8_0.h does: the scale is rounded to a half first, then the steps are counted with it.
template <bool kKeys>
__device__ __forceinline__ void store_block(const KvHead& head, int position, int block, int head_dim, float value) {
  value = value != value ? 0.0f : fminf(fmaxf(value, -65504.0f), 65504.0f);
  const uint16_t half = float_to_half(warp_max(fabsf(value)) / 127.0f);
  const float scale = half_to_float(half);
  const float steps = scale == 0 ? 0.0f : fminf(fmaxf(value / scale, -127.0f), 127.0f);
  const int64_t at = place<kKeys>(position, block * kScaledDims + lane_index(), head_dim, kPieceBytes);
  reinterpret_cast<int8_t*>(head.codes)[at] = static_cast<int8_t>(__float2int_rn(steps));
  if (lane_index() == 0) head.scales[place<kKeys>(position, block, head_dim / kScaledDims, 1)] = half;
}

constexpr int kMostOwn = kMaxHeadDim / kWarpLanes;  // values of a lane

template <DType kType, bool kKeys>
__device__ __forceinline__ void store_head(const KvHead& head, int position, int head_dim,
                                           const float (&own)[kMostOwn]) {
#pragma unroll
  for (int n = 0; n < kMostOwn; ++n) {
    const int d = n * kWarpLanes + lane_index();
    if (n * kWarpLanes >= head_dim) break;
    if constexpr (kType == DType::Q8_0) {
      store_block<kKeys>(head, position, n, head_dim, own[n]);
    } else if (d < head_dim) {
      if constexpr (kType == DType::F32)
        reinterpret_cast<float*>(head.codes)[place<kKeys>(position, d, head_dim, 4)] = own[n];
      else reinterpret_cast<uint16_t*>(head.codes)[place<kKeys>(position, d, head_dim, 8)] = float_to_half(own[n]);
    }
  }
}

template <bool kKeys>
__device__ __forceinline__ void store_as(DType type, const KvHead& head, int position, int head_dim,
                                         const float (&own)[kMostOwn]) {
  if (type == DType::F16) store_head<DType::F16, kKeys>(head, position, head_dim, own);
  else if (type == DType::Q8_0) store_head<DType::Q8_0, kKeys>(head, position, head_dim, own);
  else store_head<DType::F32, kKeys>(head, position, head_dim, own);
}

// blockIdx.y: keys or values.
__global__ void __launch_bounds__(kThreads) store_kernel(StoreTask task) {
  wait_for_previous_kernel();
  const StoreSegment& segment = task.segments[blockIdx.z];
  const int item = static_cast<int>(blockIdx.x) * (kThreads / kWarpLanes) + warp_index(),
            which = static_cast<int>(blockIdx.y);
  const int row = item / task.head_count, head = item % task.head_count;
  if (row >= segment.row_count) return;
  const float* values = task.rows[which].row(segment.first_row + row) + head * task.head_dim;
  float own[kMostOwn];  // all asked for before any is written
#pragma unroll
  for (int n = 0; n < kMostOwn; ++n) {
    const int d = n * kWarpLanes + lane_index();
    own[n] = d < task.head_dim ? values[d] : 0.0f;
  }
  const KvHead to = segment.slabs[which].head(head);
  const int position = segment.place.first_position(task.now) + row;
  if (which == 0) store_as<true>(task.types[0], to, position, task.head_dim, own);
  else store_as<false>(task.types[1], to, position, task.head_dim, own);
}

}  // namespace

void store_kv(CudaContext& context, const Batch& batch, int layer, Tensor k, Tensor v) {
  const KvShape& shape = batch.segments.front().state->kv(layer).shape;
  StoreTask task{{matrix(k), matrix(v)}, {shape.k_type, shape.v_type},
                 context.step.of(batch), shape.head_count_kv,
                 shape.head_dim,         {}};
  for_segment_groups(batch.segments, [&](std::span<const Segment> segments) {
    int most_rows = 0;
    for (size_t i = 0; i < segments.size(); ++i) {
      const KvCache& cache = segments[i].state->kv(layer);
      PACELINE_ASSERT(cache.k.dtype == shape.k_type && cache.v.dtype == shape.v_type);
      task.segments[i] = {{kv_slab(cache.k, cache.shape), kv_slab(cache.v, cache.shape)},
                          segments[i].first_row,
                          segments[i].row_count,
                          context.step.place(segments[i])};
      most_rows = std::max(most_rows, segments[i].row_count);
    }
    const int blocks = ceil_divide(most_rows * shape.head_count_kv, kThreads / kWarpLanes);
    launch(store_kernel,
           Grid{"store keys and values", dim3(static_cast<unsigned>(blocks), 2, static_cast<unsigned>(segments.size())),
                kThreads, 0},
           context, task);
  });
}

}  // namespace paceline::cuda

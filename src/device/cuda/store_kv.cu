// cache[position of row r] = k_r, v_r, rounded to the cache's type (q8_0: as src/quant/q8_0.h encodes)
//
// Called by CudaDevice::store_kv, once per attention layer; where a norm and a rotation make the keys, their kernel does it (rotate.cu). A warp does
// one head of one row: 32 dimensions at a time, which is a block of q8_0. Writes of keys go to 2- or 4-byte places
// 16 bytes and more apart; a batch writes a few rows where attention reads thousands. No weights of a model file.
// Share of peak: not measured yet (no GPU).
#include "device/cuda/attention.h"
#include "device/cuda/kv_store-inl.h"
#include "device/cuda/launch.h"
#include "device/cuda/rotary.h"

namespace paceline::cuda {

namespace {

constexpr int kThreads = 128;

struct StoreSegment {
  KvSlab slabs[2];  // keys, values
  RowRange rows;
};

struct StoreTask {
  Matrix rows[2];
  DType types[2];
  const SequenceNow* now;
  int head_count, head_dim;
  StoreSegment segments[kMaxSegments];
};

// blockIdx.y: keys or values.
__global__ void __launch_bounds__(kThreads) store_kernel(StoreTask task) {
  wait_for_previous_kernel();
  const StoreSegment& segment = task.segments[blockIdx.z];
  const RowRange& rows = segment.rows;
  const int item = static_cast<int>(blockIdx.x) * (kThreads / kWarpLanes) + warp_index(),
            which = static_cast<int>(blockIdx.y);
  const int row = item / task.head_count, head = item % task.head_count;
  if (row >= rows.row_count) return;
  const float* values = task.rows[which].row(rows.first_row + row) + head * task.head_dim;
  float own[kMostOwn];
  load_own(own, values, task.head_dim);
  const KvHead to = segment.slabs[which].head(head);
  const int position = rows.place.first_position(task.now) + row;
  if (which == 0) store_as<true>(task.types[0], to, position, task.head_dim, own);
  else store_as<false>(task.types[1], to, position, task.head_dim, own);
}

// Of a segment, whose cache has the types of `shape`.
StoreSegment described(const StepParameters& step, const Segment& segment, int layer, const KvShape& shape) {
  const KvCache& cache = segment.state->kv(layer);
  PACELINE_ASSERT(cache.k.dtype == shape.k_type && cache.v.dtype == shape.v_type);
  return {{kv_slab(cache.k, cache.shape), kv_slab(cache.v, cache.shape)},
          {segment.first_row, segment.row_count, step.place(segment)}};
}

// By the kernel that norms and turns the keys, where that waits for these rows; whether it does.
bool store_with_rotation(CudaContext& context, const Batch& batch, int layer, const Tensor& k, const Tensor& v) {
  if (batch.segments.size() > kMaxSegments || k.data == v.data) return false;
  const KvShape& shape = batch.segments.front().state->kv(layer).shape;
  StoredHeads stored{matrix(v), {shape.k_type, shape.v_type}, {}};
  RowRange rows[kMaxSegments];
  for (size_t i = 0; i < batch.segments.size(); ++i) {
    const StoreSegment segment = described(context.step, batch.segments[i], layer, shape);
    std::copy_n(segment.slabs, 2, stored.slabs[i]);
    rows[i] = segment.rows;
  }
  if (!context.deferred.can_store(k, {rows, batch.segments.size()})) return false;
  context.deferred.start_with({.stored = &stored});
  return true;
}

}  // namespace

void store_kv(CudaContext& context, const Batch& batch, int layer, Tensor k, Tensor v) {
  const KvShape& shape = batch.segments.front().state->kv(layer).shape;
  StoreTask task{{matrix(k), matrix(v)}, {shape.k_type, shape.v_type},
                 context.step.of(batch), shape.head_count_kv,
                 shape.head_dim,         {}};
  if (store_with_rotation(context, batch, layer, k, v)) return;
  for_segment_groups(batch.segments, [&](std::span<const Segment> segments) {
    int most_rows = 0;
    for (size_t i = 0; i < segments.size(); ++i) {
      task.segments[i] = described(context.step, segments[i], layer, shape);
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

// Attention of a batch: which kernel, in which pieces, and the folding of partials where blocks took single splits.
//
// Called by CudaDevice::attention, once per attention layer, for prompts and for verify steps alike. A verify step has few queries and many
// positions: each split is a block of its own, and merge_kernel folds the splits of a query in order. A prompt chunk has blocks enough: a block
// walks over the splits and folds as it goes (attention_task.h). No weights of a model file.
// Share of peak: not measured yet (no GPU).
#include "device/cuda/attention.h"
#include "device/cuda/attention_fold-inl.h"
#include "device/cuda/attention_task.h"
#include "device/cuda/encode-inl.h"
#include "device/cuda/launch.h"
#include "device/cuda/values-inl.h"

namespace paceline::cuda {

namespace {

constexpr int kMergeThreads = kMaxHeadDim / 4;
constexpr int kSplitsAtOnce = 8;
constexpr size_t kMostPartialBytes = size_t{512} << 20;

struct MergeTask {
  AttentionTask attention;
  Matrix gate;  // as out, seen as heads; or none
  bool is_aligned;  // out and gate
  RowCodes codes;
};
static_assert(sizeof(MergeTask) <= 4096);

// A query's partials folded in order, four dimensions a thread; its shares are everybody's. The splits that are asked for at once are what counts:
// a step waits for this.
struct Merged {
  float sums[4] = {}, maximum = 0, total = 0;

  __device__ __forceinline__ void fold_in(const float* partials, int dim, int head_dim, int split_count) {
    float4 next[kSplitsAtOnce] = {};
    float2 bounds[kSplitsAtOnce] = {};  // maximum and total
    for (int first = 0; first < split_count; first += kSplitsAtOnce) {
#pragma unroll
      for (int i = 0; i < kSplitsAtOnce; ++i) {
        if (first + i >= split_count) break;
        const float* partial = partials + int64_t{first + i} * partial_floats(head_dim);
        next[i] = load_wide<float4>(partial + dim), bounds[i] = load_wide<float2>(partial + head_dim);
      }
#pragma unroll
      for (int i = 0; i < kSplitsAtOnce; ++i) {
        if (first + i >= split_count) break;
        const float four[4] = {next[i].x, next[i].y, next[i].z, next[i].w};
        add(four, bounds[i].x, bounds[i].y, first + i == 0);
      }
    }
  }

 private:
  __device__ __forceinline__ void add(const float (&split)[4], float split_maximum, float split_total, bool is_first) {
    float old_share = 0, new_share = 0;
    if (!is_first) fold_shares(maximum, total, split_maximum, split_total, old_share, new_share);
    else maximum = split_maximum, total = split_total;
#pragma unroll
    for (int i = 0; i < 4; ++i) sums[i] = is_first ? split[i] : fold(sums[i], split[i], old_share, new_share);
  }
};

// A block does one query, and what is done with the result next: the gate, and the codes of the product (deferred_rows.h).
__global__ void __launch_bounds__(kMergeThreads) merge_kernel(MergeTask merge) {
  wait_for_previous_kernel();
  const AttentionTask& task = merge.attention;
  const AttentionSegment& segment = task.segments[blockIdx.z];
  const int head = static_cast<int>(blockIdx.y), row = segment.first_row + static_cast<int>(blockIdx.x),
            dim = 4 * static_cast<int>(threadIdx.x);
  if (row >= segment.first_row + segment.row_count) return;
  const bool is_mine = dim < task.head_dim;
  const int64_t query = int64_t{row} * task.head_count + head;
  float gate[4] = {};
  if (merge.gate.first != nullptr) load_four(gate, merge.gate.row(query), dim, task.head_dim, merge.is_aligned);
  Merged merged;
  const int end = segment.place.first_position(task.now) + static_cast<int>(blockIdx.x) + 1;
  merged.fold_in(task.partial(row, head, 0), is_mine ? dim : 0, task.head_dim,
                 (end + kSplitPositions - 1) / kSplitPositions);
  float values[1][4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    values[0][i] = merged.sums[i] / merged.total;
    if (merge.gate.first != nullptr) values[0][i] = values[0][i] * sigmoid(gate[i]);
  }
  store_four(task.out.row(row) + head * task.head_dim, dim, task.head_dim, merge.is_aligned, values[0]);
  if (merge.codes.blocks == nullptr) return;
  const int count = dim - 4 * lane_index() < task.head_dim ? 1 : 0;
  write_codes<1>(merge.codes, static_cast<unsigned>(query * task.head_dim) + static_cast<unsigned>(dim), 0, count,
                 is_mine ? 1 : 0, values);
}

// By the shape of the layer alone, so that all rows of a sequence have one numeric order.
AttentionKernel kernel_for(const KvShape& kv, int group) {
  return attention_of_halves_takes(kv, group) ? attention_of_halves(kv, group) : attention_of_floats(kv, group);
}

// Fills in what depends on the segments; returns the most rows of one.
int describe_segments(const StepParameters& step, AttentionTask& task, std::span<const Segment> segments, int layer) {
  int most_rows = 0;
  for (size_t i = 0; i < segments.size(); ++i) {
    const Segment& segment = segments[i];
    const KvCache& cache = segment.state->kv(layer);
    task.segments[i] = {kv_slab(cache.k, cache.shape), kv_slab(cache.v, cache.shape), segment.first_row,
                        segment.row_count, step.place(segment)};
    most_rows = std::max(most_rows, segment.row_count);
  }
  task.split_count = attention_splits(step.end_position());
  return most_rows;
}

// Folds the partials of the segments' queries: of all of a batch when it is known what the rows are for.
void merge(CudaContext& context, const AttentionTask& task, const Tensor& out, int segment_count, int most_rows,
           bool whole_batch) {
  const dim3 queries(static_cast<unsigned>(most_rows), static_cast<unsigned>(task.head_count),
                     static_cast<unsigned>(segment_count));
  const auto start = [=, &context](const RowExtras& extras) {
    MergeTask merge{task, {}, is_aligned(out), extras.codes};
    if (extras.gate.data != nullptr) merge.gate = matrix(extras.gate), merge.is_aligned &= is_aligned(extras.gate);
    launch(merge_kernel, Grid{"merge attention", queries, kMergeThreads, 0}, context, merge);
  };
  if (whole_batch && out.stride == out.cols)
    start_or_defer(context, out.as_heads(task.head_count, task.head_dim), RowsMadeBy::Attention, start);
  else start({});
}

void attend(CudaContext& context, AttentionTask& task, std::span<const Segment> segments, int layer, const Tensor& out,
            const AttentionShape& shape, bool whole_batch) {
  const AttentionKernel kernel = kernel_for(segments.front().state->kv(layer).shape, task.group);
  const int most_rows = describe_segments(context.step, task, segments, layer);
  task.tiles = ceil_divide(most_rows * kernel.row_slots, kernel.tile_slots);
  const unsigned count = static_cast<unsigned>(segments.size()), kv_heads = static_cast<unsigned>(shape.head_count_kv);
  const int64_t blocks = int64_t{task.tiles} * kv_heads * count;
  const size_t partials = static_cast<size_t>(out.rows) * static_cast<size_t>(task.head_count) *
                          static_cast<size_t>(task.split_count) * static_cast<size_t>(partial_floats(task.head_dim));
  task.walks = task.split_count == 1 || blocks >= 2 * context.multiprocessor_count ||
               partials * sizeof(float) > kMostPartialBytes;
  task.partials = task.walks ? nullptr : context.attention_scratch.get<float>(partials);
  const int64_t wide = int64_t{task.tiles} * (task.walks ? 1 : task.split_count);
  PACELINE_ASSERT(wide < int64_t{1} << 31);
  launch(kernel.kernel,
         Grid{"attention", dim3(static_cast<unsigned>(wide), kv_heads, count), kernel.threads, kernel.shared_bytes},
         context, task);
  if (!task.walks) merge(context, task, out, static_cast<int>(count), most_rows, whole_batch);
}

}  // namespace

void attention(CudaContext& context, Tensor out, Tensor q, const Batch& batch, int layer, const AttentionShape& shape) {
  context.deferred.settle();  // what waits may be attention's own, whose scratch memory is about to be used again
  AttentionTask task{};
  task.q = matrix(q), task.out = matrix(out);
  task.head_count = shape.head_count, task.group = shape.head_count / shape.head_count_kv;
  task.head_dim = shape.head_dim;
  task.scale = shape.scale;
  task.now = context.step.of(batch);
  for_segment_groups(batch.segments, [&](std::span<const Segment> segments) {
    attend(context, task, segments, layer, out, shape, segments.size() == batch.segments.size());
  });
}

}  // namespace paceline::cuda

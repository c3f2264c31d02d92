// Attention of a batch: which kernel, in which pieces, and the folding of partials where blocks took single splits.
//
// Called by CudaDevice::attention, once per attention layer, for prompts and for verify steps alike. A verify step has few queries and many
// positions: each split is a block of its own, and merge_kernel folds the splits of a query in order. A prompt chunk has blocks enough: a block
// walks over the splits and folds as it goes (attention_task.h). No weights of a model file.
// Share of peak: not measured yet (no GPU).
#include "device/cuda/attention.h"
#include "device/cuda/attention_fold-inl.h"
#include "device/cuda/attention_task.h"
#include "device/cuda/launch.h"

namespace paceline::cuda {

namespace {

constexpr int kMergeThreads = 128;
constexpr size_t kMostPartialBytes = size_t{512} << 20;

// A block folds the partials of one query, split by split; a thread is a dimension and its shares are everybody's.
__global__ void __launch_bounds__(kMergeThreads) merge_kernel(AttentionTask task) {
  wait_for_previous_kernel();
  const AttentionSegment& segment = task.segments[blockIdx.z];
  const int row = static_cast<int>(blockIdx.x), head = static_cast<int>(blockIdx.y);
  if (row >= segment.row_count) return;
  const int splits = (segment.place.first_position(task.now) + row + kSplitPositions) / kSplitPositions,
            width = task.head_dim + 2;
  const float* partials = task.partial(segment.first_row + row, head, 0);
  for (int d = static_cast<int>(threadIdx.x); d < task.head_dim; d += kMergeThreads) {
    float sum = partials[d], maximum = partials[task.head_dim], total = partials[task.head_dim + 1];
    for (int split = 1; split < splits; ++split) {
      const float* partial = partials + int64_t{split} * width;
      float old_share, new_share;
      fold_shares(maximum, total, partial[task.head_dim], partial[task.head_dim + 1], old_share, new_share);
      sum = fold(sum, partial[d], old_share, new_share);
    }
    task.out.row(segment.first_row + row)[head * task.head_dim + d] = sum / total;
  }
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

void attend(CudaContext& context, AttentionTask& task, std::span<const Segment> segments, int layer, int batch_rows,
            const AttentionShape& shape) {
  const AttentionKernel kernel = kernel_for(segments.front().state->kv(layer).shape, task.group);
  const int most_rows = describe_segments(context.step, task, segments, layer);
  task.tiles = ceil_divide(most_rows * kernel.row_slots, kernel.tile_slots);
  const unsigned count = static_cast<unsigned>(segments.size()), kv_heads = static_cast<unsigned>(shape.head_count_kv);
  const int64_t blocks = int64_t{task.tiles} * kv_heads * count;
  const size_t partials = static_cast<size_t>(batch_rows) * static_cast<size_t>(task.head_count) *
                          static_cast<size_t>(task.split_count) * static_cast<size_t>(task.head_dim + 2);
  task.walks = task.split_count == 1 || blocks >= 2 * context.multiprocessor_count ||
               partials * sizeof(float) > kMostPartialBytes;
  task.partials = task.walks ? nullptr : context.attention_scratch.get<float>(partials);
  const int64_t wide = int64_t{task.tiles} * (task.walks ? 1 : task.split_count);
  PACELINE_ASSERT(wide < int64_t{1} << 31);
  launch(kernel.kernel,
         Grid{"attention", dim3(static_cast<unsigned>(wide), kv_heads, count), kernel.threads, kernel.shared_bytes},
         context, task);
  if (task.walks) return;
  const dim3 queries(static_cast<unsigned>(most_rows), static_cast<unsigned>(shape.head_count), count);
  launch(merge_kernel, Grid{"merge attention", queries, kMergeThreads, 0}, context, task);
}

}  // namespace

void attention(CudaContext& context, Tensor out, Tensor q, const Batch& batch, int layer, const AttentionShape& shape) {
  AttentionTask task{};
  task.q = matrix(q), task.out = matrix(out);
  task.head_count = shape.head_count, task.group = shape.head_count / shape.head_count_kv;
  task.head_dim = shape.head_dim;
  task.scale = shape.scale;
  task.now = context.step.of(batch);
  for_segment_groups(batch.segments, [&](std::span<const Segment> segments) {
    attend(context, task, segments, layer, batch.rows(), shape);
  });
}

}  // namespace paceline::cuda

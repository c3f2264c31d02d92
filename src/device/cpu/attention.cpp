// Rotation, the KV cache, softmax attention.
#include <algorithm>
#include <cmath>

#include "device/cpu/cpu_device.h"
#include "device/cpu/kv_layout.h"

namespace paceline::cpu {

namespace {

constexpr int kRowsTogether = 16;                    // rows of a segment whose queries share one read of the cache
constexpr size_t kPartialFloats = size_t{4} << 20;   // of scratch at a time

int splits_before(int position) { return (position + kSplitPositions - 1) / kSplitPositions; }

// Floats of one query's partial result: head_dim sums, maximum and total. Kernels read whole groups of vectors, up to 64 floats, and must
// not reach into the next one, which may be another thread's.
int partial_width(int head_dim) { return std::max((head_dim + 2 + 15) / 16 * 16, (head_dim + 63) / 64 * 64); }

}  // namespace

// Some rows of one segment.
struct CpuDevice::AttentionRows {
  const KvCache* cache;
  int first_row, row_count, first_position;
  int splits() const { return splits_before(first_position + row_count); }
};

void CpuDevice::rotate(Tensor x, const Batch& batch, const RotaryShape& shape) {
  checks::rotate(x, batch, shape);
  const int half = shape.dims / 2;
  if (turns_base_ != shape.base || turns_.size() != static_cast<size_t>(half)) {
    turns_base_ = shape.base;
    turns_.resize(static_cast<size_t>(half));
    for (int s = 0; s < half; ++s) turns_[static_cast<size_t>(s)] = std::pow(shape.base, -2.0 * s / shape.dims);
  }
  float* angles = angles_.get<float>(static_cast<size_t>(batch.rows()) * static_cast<size_t>(shape.dims));
  for (const Segment& segment : batch.segments)
    for_rows(segment.row_count, shape.head_count * shape.head_dim, [&](int i) {
      float* cosines = angles + static_cast<size_t>(segment.first_row + i) * static_cast<size_t>(shape.dims);
      for (int s = 0; s < half; ++s) {
        const double angle = (segment.first_position + i) * turns_[static_cast<size_t>(s)];
        cosines[s] = static_cast<float>(std::cos(angle));
        cosines[half + s] = static_cast<float>(std::sin(angle));
      }
      for (int head = 0; head < shape.head_count; ++head) {
        float* values = x.f32((segment.first_row + i) * shape.head_count + head);
        kernels_.rotate(values, values + half, cosines, cosines + half, half);
      }
    });
}

void CpuDevice::store_kv(const Batch& batch, int layer, Tensor k, Tensor v) {
  checks::store_kv(batch, layer, k, v);
  for (const Segment& segment : batch.segments) {
    KvCache& cache = segment.state->kv(layer);
    const int dim = cache.shape.head_dim, heads = cache.shape.head_count_kv;
    const KvType k_type = kv_type(cache.k.dtype), v_type = kv_type(cache.v.dtype);
    for_rows(segment.row_count, 4 * k.cols, [&](int i) {
      for (int head = 0; head < heads; ++head) {
        const int row = segment.first_row + i, position = segment.first_position + i;
        store_key(kernels_, head_slab(cache.k, head, dim), k_type, position, k.f32(row) + head * dim, dim);
        store_value(kernels_, head_slab(cache.v, head, dim), v_type, position, v.f32(row) + head * dim, dim);
      }
    });
    note_filled(cache.k, cache.shape, segment.first_position, segment.row_count);
    note_filled(cache.v, cache.shape, segment.first_position, segment.row_count);
  }
}

void CpuDevice::attention(Tensor out, Tensor q, const Batch& batch, int layer, const AttentionShape& shape) {
  checks::attention(out, q, batch, layer, shape);
  for (const Segment& segment : batch.segments) {
    const KvCache& cache = segment.state->kv(layer);
    const size_t per_row = static_cast<size_t>(splits_before(segment.first_position + segment.row_count)) *
                           static_cast<size_t>(shape.head_count * partial_width(shape.head_dim));
    const int block =
        std::max(kRowsTogether, static_cast<int>(kPartialFloats / per_row) / kRowsTogether * kRowsTogether);
    for (int i = 0; i < segment.row_count; i += block)
      attend_rows(out, q,
                  {&cache, segment.first_row + i, std::min(block, segment.row_count - i), segment.first_position + i},
                  shape);
  }
}

// Partial results of every (kv head, up to 16 rows, split of the positions), in parallel; then each query's partials are merged in order.
void CpuDevice::attend_rows(Tensor out, Tensor q, const AttentionRows& rows, const AttentionShape& shape) {
  const int group = shape.head_count / shape.head_count_kv, splits = rows.splits();
  const int row_blocks = (rows.row_count + kRowsTogether - 1) / kRowsTogether;
  const int64_t width = partial_width(shape.head_dim), query_stride = width * splits;
  const size_t queries = static_cast<size_t>(rows.row_count) * static_cast<size_t>(shape.head_count);
  float* partials = partials_.get<float>(queries * static_cast<size_t>(query_stride));
  auto* pointers = query_pointers_.get<const float*>(queries);
  int* limits = query_limits_.get<int>(queries);
  // Queries by kv head, then row, then head of the group: those that share keys are neighbours.
  const auto query_index = [&](int kv_head, int row, int head) {
    return (kv_head * rows.row_count + row) * group + head;
  };
  for (int kv_head = 0; kv_head < shape.head_count_kv; ++kv_head)
    for (int row = 0; row < rows.row_count; ++row)
      for (int head = 0; head < group; ++head) {
        const int index = query_index(kv_head, row, head);
        pointers[index] = q.f32((rows.first_row + row) * shape.head_count + kv_head * group + head);
        limits[index] = rows.first_position + row + 1;
      }

  const AttentionKernel kernel =
      kernels_
          .attention[static_cast<int>(kv_type(rows.cache->k.dtype))][static_cast<int>(kv_type(rows.cache->v.dtype))];
  pool_.run(int64_t{shape.head_count_kv} * row_blocks * splits, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t item = begin; item < end; ++item) {
      const int split = static_cast<int>(item % splits), block = static_cast<int>(item / splits) % row_blocks;
      const int kv_head = static_cast<int>(item / splits / row_blocks), first = block * kRowsTogether;
      const int count = std::min(kRowsTogether, rows.row_count - first), index = query_index(kv_head, first, 0);
      const int last_limit = rows.first_position + first + count;
      if (split * kSplitPositions >= last_limit) continue;
      kernel({.k = head_slab(rows.cache->k, kv_head, shape.head_dim),
              .v = head_slab(rows.cache->v, kv_head, shape.head_dim),
              .head_dim = shape.head_dim,
              .scale = shape.scale,
              .query_count = count * group,
              .queries = pointers + index,
              .limits = limits + index,
              .begin = split * kSplitPositions,
              .end = std::min((split + 1) * kSplitPositions, last_limit),
              .partials = partials + index * query_stride + split * width,
              .partial_stride = query_stride});
    }
  });
  for_rows(rows.row_count, shape.head_count * shape.head_dim * splits, [&](int row) {
    for (int head = 0; head < shape.head_count; ++head) {
      const int index = query_index(head / group, row, head % group);
      kernels_.merge_attention(out.f32(rows.first_row + row) + head * shape.head_dim, partials + index * query_stride,
                               width, splits_before(limits[index]), shape.head_dim);
    }
  });
}

}  // namespace paceline::cpu

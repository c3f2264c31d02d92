// out = softmax(scale * q K^T) V over positions 0 ... the row's own, for each query head; heads of a group share a kv head. In f32.
//
// Chosen by attention.cu for f32 caches and for shapes that do not fit the tensor cores (attention_halves.cu). A block of 128 threads takes up
// to 16 queries (rows of a segment times heads of a group) of one kv head:
//   score:  a thread is a position, 16 sums in registers, keys read as full lines (kv_layout.h), queries broadcast from shared memory;
//   soften: a warp is a query, four positions a lane: maximum and sum of the split;
//   weigh:  a thread is two dimensions of 4 to 16 queries, values read as full lines straight into registers.
// So K and V of a split are read once for 16 queries; a second tile of queries runs beside the first and finds them in the L2 cache. No weights
// of a model file.
// Share of peak: not measured yet (no GPU).
#include "device/cuda/attention_fold-inl.h"
#include "device/cuda/attention_task.h"
#include "device/cuda/launch.h"
#include "device/cuda/reduce.h"

namespace paceline::cuda {

#include "device/cuda/kv_read-inl.h"

namespace {

constexpr int kThreads = 128, kQueries = 16;
constexpr int kWeightStride =
    20;  // floats per position: 16 queries, and a distance at which eight 16-byte writes meet no bank twice

struct AttentionShared {
  alignas(16) float q[kQueries][kMaxHeadDim];
  alignas(16) float weights[kSplitPositions][kWeightStride];
  FoldState<kQueries> fold;
};

// What a block works on.
struct Tile {
  const AttentionSegment* segment;
  int kv_head, first_query, query_count;
  int first_row, first_position;  // of the segment, in the batch and in its sequence

  __device__ int row(int query, int group) const { return (first_query + query) / group; }  // in the segment
  // Positions that a query sees.
  __device__ int limit(int query, int group) const { return first_position + row(query, group) + 1; }
};

__device__ __forceinline__ void load_queries(const AttentionTask& task, const Tile& tile, AttentionShared& shared) {
  for (int query = warp_index(); query < kQueries; query += kThreads / kWarpLanes) {
    const bool exists = query < tile.query_count;
    const int head = tile.kv_head * task.group + (tile.first_query + query) % task.group;
    const int row = tile.first_row + tile.row(query, task.group);
    for (int d = lane_index(); d < task.head_dim; d += kWarpLanes)
      shared.q[query][d] = exists ? task.q.row(int64_t{row} * task.head_count + head)[d] : 0.0f;
  }
}

// Scores of position first + thread for all queries of the tile. Of a position that a query does not see the score is never looked at.
template <class K>
__device__ __forceinline__ void score(const AttentionTask& task, const Tile& tile, int position,
                                      AttentionShared& shared) {
  const KvHead head = tile.segment->k.head(tile.kv_head);
  float sums[kQueries] = {};
  for (int piece = 0; piece < task.head_dim / K::kPieceValues; ++piece) {
    float key[K::kPieceValues];
    K::piece(key, head, position, piece, task.head_dim);
#pragma unroll
    for (int first = 0; first < kQueries; first += 4) {
      if (first >= tile.query_count) break;
#pragma unroll
      for (int query = first; query < first + 4; ++query)
#pragma unroll
        for (int i = 0; i < K::kPieceValues; i += 4) {
          const float4 q = load_wide<float4>(&shared.q[query][piece * K::kPieceValues + i]);
          sums[query] = fmaf(key[i], q.x, sums[query]);
          sums[query] = fmaf(key[i + 1], q.y, sums[query]);
          sums[query] = fmaf(key[i + 2], q.z, sums[query]);
          sums[query] = fmaf(key[i + 3], q.w, sums[query]);
        }
    }
  }
#pragma unroll
  for (int first = 0; first < kQueries; first += 4)
    store_wide(&shared.weights[threadIdx.x][first],
               make_float4(sums[first] * task.scale, sums[first + 1] * task.scale, sums[first + 2] * task.scale,
                           sums[first + 3] * task.scale));
}

// Scores to weights exp(score - maximum), -1 where the query does not look. `walked`: splits folded before this one.
__device__ __forceinline__ void soften(const AttentionTask& task, const Tile& tile, int split, int walked,
                                       AttentionShared& shared) {
  constexpr int kPerLane = kSplitPositions / kWarpLanes;
  for (int query = warp_index(); query < tile.query_count; query += kThreads / kWarpLanes) {
    const int valid = tile.limit(query, task.group) - split * kSplitPositions;
    if (valid <= 0) {
      if (lane_index() == 0) shared.fold.skip_split(query);
      for (int i = 0; i < kPerLane; ++i) shared.weights[lane_index() + i * kWarpLanes][query] = -1;
      continue;
    }
    float scores[kPerLane], maximum = -INFINITY;
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) {
      const int position = lane_index() + i * kWarpLanes;
      scores[i] = shared.weights[position][query];
      if (position < valid) maximum = fmaxf(maximum, scores[i]);
    }
    maximum = warp_max(maximum);
    float sum = 0;
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) {
      const int position = lane_index() + i * kWarpLanes;
      const float weight = position < valid ? expf(scores[i] - maximum) : -1;
      if (position < valid) sum += weight;
      shared.weights[position][query] = weight;
    }
    sum = warp_sum(sum);
    if (lane_index() == 0) shared.fold.add_split(query, maximum, sum, walked);
  }
}

// Which two dimensions of which queries a thread weighs: a warp's queries are the same, so that its weights are broadcasts.
struct Weigher {
  __device__ explicit Weigher(int head_dim) {
    const int pairs = head_dim <= 64 ? 32 : head_dim <= 128 ? 64 : 128;  // threads for all dimensions
    dim = static_cast<int>(threadIdx.x) % pairs * 2;
    query_count = kQueries * pairs / kThreads;
    first_query = static_cast<int>(threadIdx.x) / pairs * query_count;
  }
  int dim, first_query, query_count;
};

template <class V>
__device__ __forceinline__ void weigh(float2 (&sums)[kQueries], const AttentionTask& task, const Tile& tile,
                                      const Weigher& mine, int split, const AttentionShared& shared) {
  const KvHead head = tile.segment->v.head(tile.kv_head);
  const int first = split * kSplitPositions;
  const int seen_by_all = min(tile.limit(0, task.group) - first, kSplitPositions);
  const int seen = min(tile.limit(tile.query_count - 1, task.group) - first, kSplitPositions);
  const int queries = min(mine.query_count, tile.query_count - mine.first_query);
#pragma unroll
  for (int i = 0; i < kQueries; ++i) sums[i] = make_float2(0, 0);
#pragma unroll 4
  for (int j = 0; j < seen; ++j) {
    const float2 value = V::pair(head, first + j, mine.dim, task.head_dim);
#pragma unroll
    for (int i = 0; i < kQueries; i += 4) {
      if (i >= queries) break;
      const float4 four = load_wide<float4>(&shared.weights[j][mine.first_query + i]);
      const float weights[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        if (j >= seen_by_all && weights[k] < 0) continue;  // NaN is no reason to skip
        sums[i + k].x = fmaf(weights[k], value.x, sums[i + k].x);
        sums[i + k].y = fmaf(weights[k], value.y, sums[i + k].y);
      }
    }
  }
}

// Folds the split's sums into those of the walk.
__device__ __forceinline__ void fold_sums(float2 (&totals)[kQueries], const float2 (&sums)[kQueries],
                                          const Weigher& mine, int walked, const AttentionShared& shared) {
#pragma unroll
  for (int i = 0; i < kQueries; ++i) {
    if (i >= mine.query_count) break;
    const float old_share = shared.fold.old_share[mine.first_query + i],
                new_share = shared.fold.new_share[mine.first_query + i];
    if (walked == 0) {
      totals[i] = sums[i];
    } else if (new_share != kNothing) {
      totals[i].x = fold(totals[i].x, sums[i].x, old_share, new_share);
      totals[i].y = fold(totals[i].y, sums[i].y, old_share, new_share);
    }
  }
}

// The query's row of `out`, or its partial of the split.
__device__ __forceinline__ void store_sums(const AttentionTask& task, const Tile& tile, const Weigher& mine, int split,
                                           const float2 (&sums)[kQueries], const AttentionShared& shared) {
#pragma unroll
  for (int i = 0; i < kQueries; ++i) {
    const int query = mine.first_query + i;
    if (i >= mine.query_count || query >= tile.query_count) break;
    const int row = tile.first_row + tile.row(query, task.group);
    const int head = tile.kv_head * task.group + (tile.first_query + query) % task.group;
    if (task.walks) {
      const float sum = shared.fold.total[query];
      float* out = task.out.row(row) + head * task.head_dim + mine.dim;
      out[0] = sums[i].x / sum, out[1] = sums[i].y / sum;
    } else if (shared.fold.new_share[query] != kNothing) {
      float* partial = task.partial(row, head, split);
      partial[mine.dim] = sums[i].x, partial[mine.dim + 1] = sums[i].y;
      if (mine.dim == 0)
        partial[task.head_dim] = shared.fold.maximum[query], partial[task.head_dim + 1] = shared.fold.total[query];
    }
  }
}

// Three blocks on a multiprocessor: held to 128 registers for a fourth, the sums would not stay in them.
template <class K, class V>
__global__ void __launch_bounds__(kThreads, 3) attention_kernel(AttentionTask task) {
  wait_for_previous_kernel();
  auto& shared = dynamic_shared<AttentionShared>();
  Tile tile;
  tile.segment = &task.segments[blockIdx.z];
  tile.kv_head = static_cast<int>(blockIdx.y);
  tile.first_query = static_cast<int>(blockIdx.x) % task.tiles * kQueries;
  tile.query_count = min(kQueries, tile.segment->row_count * task.group - tile.first_query);
  tile.first_row = tile.segment->first_row;
  if (tile.query_count <= 0) return;
  tile.first_position = tile.segment->place.first_position(task.now);
  const int seen = tile.limit(tile.query_count - 1, task.group);
  const int splits = (seen + kSplitPositions - 1) / kSplitPositions;
  const int first_split = static_cast<int>(blockIdx.x) / task.tiles, end_split = task.walks ? splits : first_split + 1;
  if (first_split >= splits) return;

  load_queries(task, tile, shared);
  const Weigher mine(task.head_dim);
  float2 totals[kQueries] = {}, sums[kQueries];
  for (int split = first_split; split < end_split; ++split) {
    __syncthreads();  // the queries are there; the weights of the split before have been used
    const int position = split * kSplitPositions + static_cast<int>(threadIdx.x);
    if (position < seen) score<K>(task, tile, position, shared);
    __syncthreads();
    soften(task, tile, split, split - first_split, shared);
    __syncthreads();
    if (mine.dim >= task.head_dim) continue;
    weigh<V>(sums, task, tile, mine, split, shared);
    fold_sums(totals, sums, mine, split - first_split, shared);
  }
  if (mine.dim < task.head_dim) store_sums(task, tile, mine, first_split, totals, shared);
}

template <class K>
void (*kernel_for(DType v_type))(AttentionTask) {
  if (v_type == DType::F32) return attention_kernel<K, F32Cache>;
  return v_type == DType::F16 ? attention_kernel<K, F16Cache> : attention_kernel<K, Q8_0Cache>;
}

void (*kernel_for(DType k_type, DType v_type))(AttentionTask) {
  if (k_type == DType::F32) return kernel_for<F32Cache>(v_type);
  return k_type == DType::F16 ? kernel_for<F16Cache>(v_type) : kernel_for<Q8_0Cache>(v_type);
}

}  // namespace

AttentionKernel attention_of_floats(const KvShape& kv, int group) {
  return {kernel_for(kv.k_type, kv.v_type), kThreads, sizeof(AttentionShared), group, kQueries};
}

}  // namespace paceline::cuda

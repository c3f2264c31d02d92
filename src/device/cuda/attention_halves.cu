// out = softmax(scale * q K^T) V as attention_floats.cu, with f16 and q8_0 caches, by tensor cores: sums in f32 of products of halves. Queries and
// weights are rounded to halves for it, as keys and values are in the cache; a query is brought to between 1 and 2 by a power of two first, so
// that none is too large and none loses bits.
//
// Chosen by attention.cu by the shape of the layer. A product (intrinsics.h) has 16 rows and 8 columns. A column is a query, and the columns of
// one product are heads of ONE row: all of them see the same positions, so the product is the row's alone, and nothing has to be known about what
// a tensor core does with a zero beside other numbers (numerics.md, rule 3). A slot is such up to 8 heads of a row; a block takes four slots of one
// kv head, with eight warps, and goes through a split in three passes:
//   score:  a warp has 16 positions as rows; keys come from memory in the operand's order, each read once for all slots;
//   soften: a warp is a query, four positions a lane: maximum of the split, weights as halves, their total;
//   weigh:  a warp has 16 or 32 dimensions as rows, positions are summed 16 at a time; a lane reads neighbouring dimensions of four
//           positions and pairs them by byte permutation. Values at positions that a row does not see are made 0, whatever lies there.
// K and V of a split are read once for four slots; a second tile of slots runs beside the first and finds them in the L2 cache.
// Share of peak: not measured yet (no GPU).
#include "device/cuda/attention_fold-inl.h"
#include "device/cuda/attention_task.h"
#include "device/cuda/binade.h"
#include "device/cuda/kv_fragments-inl.h"
#include "device/cuda/launch.h"
#include "device/cuda/reduce.h"

namespace paceline::cuda {

namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarpLanes;
constexpr int kSlots = 4, kSlotHeads = 8, kQueries = kSlots * kSlotHeads;
constexpr int kBlockDims = 32;  // of a query and a key, in two products
constexpr int kScored = 16;  // positions of a product of keys and queries
constexpr int kDepth = 16;  // of a product of values and weights
// Distances of rows at which a warp's accesses meet no bank of shared memory twice.
constexpr int kScoreStride = kSplitPositions + 4, kWeightStride = kSplitPositions + 16;
static_assert(kSplitPositions == kWarps * kScored);

// What a block works on. It lies in shared memory, where it takes no registers from the sums.
struct Tile {
  KvHead k, v;
  int slot_count;
  int row[kSlots];  // of the batch
  int limit[kSlots];  // positions that a slot sees
  int seen;  // by the last slot: all that matter
  int head[kQueries];  // of the row's, or -1 where the slot has no such query
};

// By the first warp, a lane a query.
__device__ __forceinline__ void describe_tile(Tile& tile, const AttentionTask& task, const AttentionSegment& segment) {
  const int row_slots = (task.group + kSlotHeads - 1) / kSlotHeads, kv_head = static_cast<int>(blockIdx.y);
  const int first_slot = static_cast<int>(blockIdx.x) % task.tiles * kSlots, query = lane_index();
  const int slot = first_slot + query / kSlotHeads, row = slot / row_slots;
  const int in_group = slot % row_slots * kSlotHeads + query % kSlotHeads;
  const int slot_count = min(kSlots, segment.row_count * row_slots - first_slot);
  const int limit = segment.place.first_position(task.now) + row + 1;
  tile.head[query] = in_group < task.group ? kv_head * task.group + in_group : -1;
  if (query % kSlotHeads == 0)
    tile.row[query / kSlotHeads] = segment.first_row + row, tile.limit[query / kSlotHeads] = limit;
  if (query == 0) tile.slot_count = slot_count, tile.seen = 0;
  if (query == 0) tile.k = segment.k.head(kv_head), tile.v = segment.v.head(kv_head);
  __syncwarp();
  if (query == (slot_count - 1) * kSlotHeads) tile.seen = limit;
}
static_assert(kQueries == kWarpLanes);

struct AttentionShared {
  uint4 q[kSlots][kMaxHeadDim / kBlockDims][kWarpLanes];  // operand words: lane 4g + t, head g, dimensions 8t ...
  alignas(16) float scores[kQueries][kScoreStride];
  alignas(16) uint16_t weights[kQueries][kWeightStride];
  float q_scale[kQueries];  // of a sum of products
  FoldState<kQueries> fold;
  Tile tile;
};

__device__ __forceinline__ void load_query(const AttentionTask& task, const float* q, int query,
                                           AttentionShared& shared) {
  constexpr int kMostPairs = kMaxHeadDim / 2 / kWarpLanes;
  float pairs[kMostPairs][2], magnitude = 0;
#pragma unroll
  for (int i = 0; i < kMostPairs; ++i) {
    const int d = 2 * (i * kWarpLanes + lane_index());
    const bool exists = q != nullptr && d < task.head_dim;
    pairs[i][0] = exists ? q[d] : 0, pairs[i][1] = exists ? q[d + 1] : 0;
    magnitude = fmaxf(magnitude, fmaxf(fabsf(pairs[i][0]), fabsf(pairs[i][1])));
  }
  const Binade binade(warp_max(magnitude));
#pragma unroll
  for (int i = 0; i < kMostPairs; ++i) {
    const int d = 2 * (i * kWarpLanes + lane_index());
    if (d >= task.head_dim) break;
    uint4& words = shared.q[query / kSlotHeads][d / kBlockDims][query % kSlotHeads * 4 + d % kBlockDims / 8];
    reinterpret_cast<uint32_t*>(&words)[d % 8 / 2] = floats_to_halves(pairs[i][0] * binade.up, pairs[i][1] * binade.up);
  }
  if (lane_index() == 0) shared.q_scale[query] = binade.down * task.scale;
}

__device__ __forceinline__ void load_queries(const AttentionTask& task, AttentionShared& shared) {
  const Tile& tile = shared.tile;
  for (int query = warp_index(); query < tile.slot_count * kSlotHeads; query += kWarps) {
    const int head = tile.head[query], row = tile.row[query / kSlotHeads];
    load_query(task, head < 0 ? nullptr : task.q.row(int64_t{row} * task.head_count + head), query, shared);
  }
}

// sums += the products of a block of 32 dimensions: 16 positions, of which the lane has g and g + 8, with a slot's queries.
__device__ __forceinline__ void add_block(float (&sums)[4], const uint4& low, const uint4& high, const uint4& q) {
  multiply_halves_16x8x16(sums, {low.x, high.x, low.y, high.y}, {q.x, q.y});
  multiply_halves_16x8x16(sums, {low.z, high.z, low.w, high.w}, {q.z, q.w});
}

// Scores of the warp's positions, from `first` on, for all slots. Of positions that a slot does not see they are never looked at.
template <class K>
__device__ __forceinline__ void score(const AttentionTask& task, int first, AttentionShared& shared) {
  const KvHead head = shared.tile.k;
  const int slot_count = shared.tile.slot_count;
  const int lane = lane_index_here(), g = lane / 4, t = lane % 4;
  float sums[kSlots][4] = {};
#pragma unroll 1
  for (int block = 0; block < task.head_dim / kBlockDims; ++block) {
    const uint4 low = K::words(head, first + g, block, t, task.head_dim);
    const uint4 high = K::words(head, first + g + 8, block, t, task.head_dim);
#pragma unroll
    for (int slot = 0; slot < kSlots; ++slot) {
      if (slot >= slot_count) break;
      add_block(sums[slot], low, high, shared.q[slot][block][lane]);
    }
  }
#pragma unroll
  for (int slot = 0; slot < kSlots; ++slot) {
    if (slot >= slot_count) break;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int query = slot * kSlotHeads + 2 * t + i % 2, position = first % kSplitPositions + i / 2 * 8 + g;
      shared.scores[query][position] = sums[slot][i] * shared.q_scale[query];
    }
  }
}

// Scores to weights exp(score - maximum), 0 where the slot does not look. `walked`: splits folded before this one.
__device__ __forceinline__ void soften(int split, int walked, AttentionShared& shared) {
  constexpr int kPerLane = kSplitPositions / kWarpLanes;
  const Tile& tile = shared.tile;
  const int lane = lane_index_here();
#pragma unroll 1
  for (int query = warp_index(); query < tile.slot_count * kSlotHeads; query += kWarps) {
    const int valid = tile.limit[query / kSlotHeads] - split * kSplitPositions;
    if (tile.head[query] < 0) continue;  // its column is a column of anything
    if (valid <= 0) {
      if (lane == 0) shared.fold.skip_split(query);
      continue;
    }
    float scores[kPerLane], maximum = -INFINITY;
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) {
      const int position = lane + i * kWarpLanes;
      scores[i] = shared.scores[query][position];
      if (position < valid) maximum = fmaxf(maximum, scores[i]);
    }
    maximum = warp_max(maximum);
    float sum = 0;
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) {
      const int position = lane + i * kWarpLanes;
      const uint16_t weight = position < valid ? float_to_half(expf(scores[i] - maximum)) : uint16_t{0};
      shared.weights[query][position] = weight;
      sum += half_to_float(weight);
    }
    sum = warp_sum(sum);
    if (lane == 0) shared.fold.add_split(query, maximum, sum, walked);
  }
}

// The values of 16 positions as an operand: rows g and g + 8 are dimensions of the lane, columns 2t, 2t + 1, 2t + 8, 2t + 9 positions 4t ... 4t + 3.
struct Values {
  uint32_t words[4];

  // Of the t-th four positions, those from `limit` on are made 0.
  __device__ __forceinline__ Values seen(int limit, int t) const {
    const int count = limit - 4 * t;
    const uint32_t low = (count > 0 ? 0xffffu : 0) | (count > 1 ? 0xffff0000u : 0);
    const uint32_t high = (count > 2 ? 0xffffu : 0) | (count > 3 ? 0xffff0000u : 0);
    return {{words[0] & low, words[1] & low, words[2] & high, words[3] & high}};
  }
};

// Sums of a lane: [slot][i][...] for dimensions first_dim() + 2 i (0, 1) and the next (2, 3), of heads 2t (0, 2) and 2t + 1 (1, 3).
template <int kTiles>
using Sums = float[kSlots][kTiles][4];

template <int kTiles>
__device__ __forceinline__ int first_dim() {
  return (warp_index() * 8 + lane_index_here() / 4) * 2 * kTiles;
}

template <class V, int kTiles>
__device__ __forceinline__ void load_values(Values (&values)[kTiles], const KvHead& head, int position, int head_dim) {
  uint32_t words[4][kTiles];
#pragma unroll
  for (int p = 0; p < 4; ++p) V::words(words[p], head, position + p, first_dim<kTiles>(), head_dim);
#pragma unroll
  for (int i = 0; i < kTiles; ++i)
    values[i] = {{permute_bytes(words[0][i], words[1][i], 0x5410), permute_bytes(words[0][i], words[1][i], 0x7632),
                  permute_bytes(words[2][i], words[3][i], 0x5410), permute_bytes(words[2][i], words[3][i], 0x7632)}};
}

// sums += weights times values at 16 positions of the split, all of them seen by all slots or not.
template <class V, bool kAllSeen, int kTiles>
__device__ __forceinline__ void weigh(Sums<kTiles>& sums, const AttentionTask& task, int first, int position,
                                      const AttentionShared& shared) {
  const int lane = lane_index_here(), g = lane / 4, t = lane % 4, slot_count = shared.tile.slot_count;
  Values values[kTiles];
  load_values<V>(values, shared.tile.v, first + position + 4 * t, task.head_dim);
#pragma unroll
  for (int slot = 0; slot < kSlots; ++slot) {
    if (slot >= slot_count) break;
    const int limit = kAllSeen ? kDepth : shared.tile.limit[slot] - first - position;
    if (!kAllSeen && limit <= 0) continue;
    const uint2 weights = load_wide<uint2>(&shared.weights[slot * kSlotHeads + g][position + 4 * t]);
#pragma unroll
    for (int i = 0; i < kTiles; ++i)
      multiply_halves_16x8x16(sums[slot][i], (kAllSeen ? values[i] : values[i].seen(limit, t)).words,
                              {weights.x, weights.y});
  }
}

template <class V, int kTiles>
__device__ __forceinline__ void weigh_split(Sums<kTiles>& sums, const AttentionTask& task, int split,
                                            const AttentionShared& shared) {
  const int first = split * kSplitPositions, seen = min(shared.tile.seen - first, kSplitPositions);
#pragma unroll
  for (int slot = 0; slot < kSlots; ++slot)
#pragma unroll
    for (int i = 0; i < kTiles * 4; ++i) sums[slot][i / 4][i % 4] = 0;
  int position = 0;
#pragma unroll 1
  for (; position + kDepth <= min(shared.tile.limit[0] - first, kSplitPositions); position += kDepth)
    weigh<V, true, kTiles>(sums, task, first, position, shared);
#pragma unroll 1
  for (; position < seen; position += kDepth) weigh<V, false, kTiles>(sums, task, first, position, shared);
}

// Folds the split's sums into those of the walk.
template <int kTiles>
__device__ __forceinline__ void fold_sums(Sums<kTiles>& totals, const Sums<kTiles>& sums, int walked,
                                          const AttentionShared& shared) {
#pragma unroll
  for (int slot = 0; slot < kSlots; ++slot) {
    const int query = slot * kSlotHeads + 2 * (lane_index() % 4);
    const float2 old_share = load_wide<float2>(&shared.fold.old_share[query]),
                 new_share = load_wide<float2>(&shared.fold.new_share[query]);
#pragma unroll
    for (int i = 0; i < kTiles * 4; ++i) {
      float& total = totals[slot][i / 4][i % 4];
      const float sum = sums[slot][i / 4][i % 4], share = i % 2 == 0 ? new_share.x : new_share.y;
      if (walked == 0) total = sum;
      else if (share != kNothing) total = fold(total, sum, i % 2 == 0 ? old_share.x : old_share.y, share);
    }
  }
}

// The queries' rows of `out`, or their partials of the split.
template <int kTiles>
__device__ __forceinline__ void store_sums(const AttentionTask& task, int split, const Sums<kTiles>& sums,
                                           const AttentionShared& shared) {
  const Tile& tile = shared.tile;
  const int d = first_dim<kTiles>();
#pragma unroll
  for (int slot = 0; slot < kSlots; ++slot) {
    if (slot >= tile.slot_count) break;
#pragma unroll
    for (int which = 0; which < 2; ++which) {
      const int query = slot * kSlotHeads + 2 * (lane_index() % 4) + which, head = tile.head[query];
      if (head < 0 || (!task.walks && shared.fold.new_share[query] == kNothing)) continue;
      const float total = shared.fold.total[query];
      float* out =
          task.walks ? task.out.row(tile.row[slot]) + head * task.head_dim : task.partial(tile.row[slot], head, split);
#pragma unroll
      for (int i = 0; i < kTiles; ++i) {
        const float sum = sums[slot][i][which], next = sums[slot][i][2 + which];
        out[d + 2 * i] = task.walks ? sum / total : sum;
        out[d + 2 * i + 1] = task.walks ? next / total : next;
      }
      if (!task.walks && d == 0) out[task.head_dim] = shared.fold.maximum[query], out[task.head_dim + 1] = total;
    }
  }
}

template <class K, class V, int kTiles>
__global__ void __launch_bounds__(kThreads, 2) halves_kernel(AttentionTask task) {
  wait_for_previous_kernel();
  auto& shared = dynamic_shared<AttentionShared>();
  if (threadIdx.x < kWarpLanes) describe_tile(shared.tile, task, task.segments[blockIdx.z]);
  __syncthreads();
  const int splits = (shared.tile.seen + kSplitPositions - 1) / kSplitPositions;
  const int first_split = static_cast<int>(blockIdx.x) / task.tiles, end_split = task.walks ? splits : first_split + 1;
  if (first_split >= splits) return;

  load_queries(task, shared);
  const bool weighs = first_dim<kTiles>() < task.head_dim;  // all lanes of a warp or none
  Sums<kTiles> totals = {}, sums;
  for (int split = first_split; split < end_split; ++split) {
    __syncthreads();  // the queries are there; the weights of the split before have been used
    const int first = split * kSplitPositions + warp_index() * kScored;
    if (first < shared.tile.seen) score<K>(task, first, shared);
    __syncthreads();
    soften(split, split - first_split, shared);
    __syncthreads();
    if (!weighs) continue;
    weigh_split<V, kTiles>(sums, task, split, shared);
    fold_sums<kTiles>(totals, sums, split - first_split, shared);
  }
  if (weighs) store_sums<kTiles>(task, first_split, totals, shared);
}

using Kernel = void (*)(AttentionTask);

// A warp takes one or two tiles of 16 dimensions, so that eight warps are enough.
template <class K, class V>
Kernel kernel_for(int head_dim) {
  return head_dim > kWarps * 16 ? halves_kernel<K, V, 2> : halves_kernel<K, V, 1>;
}

template <class K>
Kernel kernel_for(const KvShape& kv) {
  return kv.v_type == DType::F16 ? kernel_for<K, HalfValues>(kv.head_dim) : kernel_for<K, ByteValues>(kv.head_dim);
}

}  // namespace

bool attention_of_halves_takes(const KvShape& kv, int group) {
  // With one head a slot, seven of eight columns would be multiplied for nothing.
  return group > 1 && kv.head_dim % kBlockDims == 0 && kv.k_type != DType::F32 && kv.v_type != DType::F32;
}

AttentionKernel attention_of_halves(const KvShape& kv, int group) {
  return {kv.k_type == DType::F16 ? kernel_for<HalfKeys>(kv) : kernel_for<ByteKeys>(kv), kThreads,
          sizeof(AttentionShared), ceil_divide(group, kSlotHeads), kSlots};
}

}  // namespace paceline::cuda

#pragma once
// What the attention kernels share: the task of a launch, and how the splits of a query are folded into one. Their numeric order, per query and
// dimension: positions are cut into splits at absolute multiples of kSplitPositions; each has its maximum, its total of weights and its weighted
// sums; splits are folded in order. A block either takes one split and leaves a partial for merge_kernel (attention.cu), or walks over all of
// them and folds as it goes: the same operations in the same order, so that no bit depends on which was chosen. For .cu files.
#include "device/cuda/attention.h"
#include "device/cuda/kv_layout.h"
#include "device/cuda/matrix.h"

namespace paceline::cuda {

struct AttentionSegment {
  KvSlab k, v;
  int first_row, row_count;
  SegmentPlace place;
};

// Floats of a partial: weighted sums, then maximum and total, in whole pieces of 16 bytes.
constexpr int partial_floats(int head_dim) { return head_dim + 4; }

// A block takes a tile of queries of one kv head. A tile is some slots, a slot some queries of one row; how many of each is the kernel's.
struct AttentionTask {
  Matrix q, out;  // q: rows * head_count rows
  const SequenceNow* now;
  int head_count, group, head_dim;  // group: query heads of a kv head
  float scale;
  int tiles;  // in the longest segment
  bool walks;  // over all splits in one block
  int split_count;  // partials of a query that there is room for
  float* partials;  // rows x heads x split_count x partial_floats(head_dim)
  AttentionSegment segments[kMaxSegments];

  __device__ float* partial(int row, int head, int split) const {
    return partials + ((int64_t{row} * head_count + head) * split_count + split) * partial_floats(head_dim);
  }
};
static_assert(sizeof(AttentionTask) <= 4096);

// A kernel and the tiles it wants.
struct AttentionKernel {
  void (*kernel)(AttentionTask) = nullptr;
  int threads = 0;
  size_t shared_bytes = 0;
  int row_slots = 0, tile_slots = 0;  // slots that a row has, and that a tile takes
};

// f32 arithmetic, for every shape and type (attention_floats.cu).
AttentionKernel attention_of_floats(const KvShape& kv, int group);
// Tensor cores, for f16 and q8_0 caches (attention_halves.cu); there is none for some shapes.
bool attention_of_halves_takes(const KvShape& kv, int group);
AttentionKernel attention_of_halves(const KvShape& kv, int group);

}  // namespace paceline::cuda

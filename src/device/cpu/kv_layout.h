#pragma once
// Where the keys and values of one head lie in a KV slab: heads one after the other, each a run of positions. Values are rows; keys
// are panels of 16 positions, [dimension][16] (Q8_0: per 32 dimensions 16 f16 scales, then [32][16] int8), so that one vector holds
// a dimension of 16 positions.
#include "device/cpu/kernels.h"
#include "device/state.h"

namespace paceline::cpu {

KvType kv_type(DType dtype);

// Bytes of one position of one head.
size_t kv_row_bytes(KvType type, int head_dim);

// Positions a slab for max_length has room for: whole tiles, a panel that full vectors may read past the end, and what lets large pages
// belong to one head (kv_pages.h).
int slab_positions(int max_length, size_t row_bytes);

// The slab of one head.
std::byte* head_slab(const Tensor& slab, int head, int head_dim);

// Tells that positions [first, first + count) have been written, so that what is full by now can move to large pages.
void note_filled(const Tensor& slab, const KvShape& shape, int first, int count);

// Writes head_dim values of a position.
void store_key(const Kernels& kernels, std::byte* head, KvType type, int position, const float* values, int head_dim);
void store_value(const Kernels& kernels, std::byte* head, KvType type, int position, const float* values, int head_dim);

}  // namespace paceline::cpu

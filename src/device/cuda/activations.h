#pragma once
// Rows made ready for products with quantized weights: int8 in blocks of 32 columns with an f32 scale, by the formula of the CPU device, laid
// out as the second operand of the tensor-core product m16n8k32: tiles of 8 rows.
#include "device/cuda/packing/fragment_layout.h"
#include "device/cuda/platform.h"
#include "device/tensor.h"

namespace paceline::cuda {

struct CudaContext;

inline constexpr int kTileRows = 8;

constexpr int tile_count(int rows) { return (rows + kTileRows - 1) / kTileRows; }

// Two blocks of 32 columns, of the eight rows of a tile, so that a lane gets what it needs of both in one load of 16 bytes. Columns behind the
// last are zeros; rows that do not exist are anything: a product's columns, which they are, do not touch each other.
struct alignas(16) ActivationBlocks {
  uint2 codes[32][2];  // lane l, block: row l / 4, columns 4(l % 4) … + 3, and 16 columns further
  // Pair p of rows, block: rows 2p and 2p + 1.
  float2 scale[kTileRows / 2][2], scaled_sum[kTileRows / 2][2];  // the latter: scale * sum of the codes
  int2 half_sums[kTileRows / 2][2];  // of the codes of columns 0-15, in the lower 16 bits, and of the others
};
static_assert(sizeof(ActivationBlocks) == 704);
inline constexpr int kGroupPairs = kGroupBlocks / 2;  // of blocks

// Prepared rows: blocks[tile * group_count * kGroupPairs + pair].
struct Activations {
  const ActivationBlocks* blocks = nullptr;
  int tiles = 0, groups = 0;
};

// Rows of a product: row i of tile t is row sources[8 t + i] of the input (device memory; -1: does not exist), or row 8 t + i when there is
// no list, as far as the input has it.
struct RowList {
  const int* sources = nullptr;
  int tiles = 0;
  bool in_order = false;  // a list that only says which rows exist: sources[s] is s or -1
};

// The input's row behind a slot of such a list, -1: there is none.
__device__ inline int source_row(const int* sources, int slot, int rows) {
  return sources != nullptr ? sources[slot] : (slot < rows ? slot : -1);
}

// Writes tiles * 4 * group_count(x.cols) pairs of blocks to `blocks`. x.cols is a multiple of 32.
Activations quantize(CudaContext& context, Tensor x, RowList rows, ActivationBlocks* blocks);

// Where a kernel that makes rows puts them in this form as well (encode-inl.h): rows of `cols` values, a multiple of kGroupColumns, in tiles from
// the first on. No blocks: it does not.
struct RowCodes {
  ActivationBlocks* blocks = nullptr;
  unsigned cols = 0;
};

// How many pairs that is.
constexpr size_t activation_pairs(int tiles, int cols) {
  return static_cast<size_t>(tiles) * static_cast<size_t>(group_count(cols) * kGroupPairs);
}

}  // namespace paceline::cuda

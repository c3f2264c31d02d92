#pragma once
// Rows made ready for products with quantized weights: int8 in blocks of 32 columns with an f32 scale, by the formula of the CPU device, laid
// out as the second operand of the tensor-core product m16n8k32: tiles of 8 rows.
#include "device/cuda/context.h"
#include "device/cuda/packing/fragment_layout.h"
#include "device/tensor.h"

namespace paceline::cuda {

inline constexpr int kTileRows = 8;

constexpr int tile_count(int rows) { return (rows + kTileRows - 1) / kTileRows; }

// A block of 32 columns of the eight rows of a tile. Rows that do not exist, and columns behind the last, are zeros.
struct alignas(16) ActivationBlock {
  uint2 codes[32];  // lane l: row l / 4, columns 4(l % 4) … + 3, and 16 columns further
  // Rows 2p and 2p + 1: what a lane needs of them in one load.
  struct alignas(16) Pair {
    float scale[2];
    int sum[2];  // of the codes
  } pairs[kTileRows / 2];
  int sum_low[kTileRows];  // of the codes of columns 0-15
};
static_assert(sizeof(ActivationBlock) == 352);

// Prepared rows: blocks[tile * block_count + block].
struct Activations {
  const ActivationBlock* blocks = nullptr;
  int tiles = 0, block_count = 0;
};

// Rows of a product: row i of tile t is row sources[8 t + i] of the input (device memory; -1: does not exist), or row 8 t + i when there is
// no list, as far as the input has it.
struct RowList {
  const int* sources = nullptr;
  int tiles = 0;
};

// Writes tiles * 8 * group_count(x.cols) blocks to `blocks`. x.cols is a multiple of 32.
Activations quantize(CudaContext& context, Tensor x, RowList rows, ActivationBlock* blocks);

// How many blocks that is.
constexpr size_t activation_blocks(int tiles, int cols) {
  return static_cast<size_t>(tiles) * static_cast<size_t>(group_count(cols) * kGroupBlocks);
}

}  // namespace paceline::cuda

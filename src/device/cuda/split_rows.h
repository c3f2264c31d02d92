#pragma once
// Rows made ready for products with F16 and BF16 weights: each value the sum of two of 16 bits, laid out as the second operand of the
// tensor-core product m16n8k16: tiles of 8 rows. So a product of two values is as good as with x in f32 to 2^-17 (BF16) or 2^-22 (F16).
#include "device/cuda/activations.h"

namespace paceline::cuda {

// A block of 32 columns of the rows of a tile. Values are brought to below 2 by a power of two, the block's own, so that none is too large for a
// half. Rows that do not exist, and columns behind the last, are zeros.
struct alignas(16) SplitBlock {
  uint4 high[32], low[32];  // lane l: row l / 4, columns 8 (l % 4) … + 7
  float scale[kTileRows];  // that power's inverse
};
static_assert(sizeof(SplitBlock) == 1056);

// Writes rows.tiles * block_count(x.cols) blocks, tile after tile, for weights of a type: F16 or BF16.
void split_rows(CudaContext& context, QuantType type, Tensor x, RowList rows, SplitBlock* blocks);

}  // namespace paceline::cuda

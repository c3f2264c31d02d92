#pragma once
// Products of panels with prepared rows: one launch for weights of one type. The numeric order of an output is the same whatever the number of
// rows: fixed shares of the groups of 256 columns are summed, block after block, and added in order (multiply_block-inl.h).
#include <span>

#include "device/cuda/activations.h"
#include "device/cuda/split_rows.h"
#include "device/cuda/weights.h"

namespace paceline::cuda {

inline constexpr int kMostTogether = 4;  // weights in a launch

// Tiles beside each other that a block of the kernel for many rows takes: 1 to kRunTiles of one expert. No tiles: nothing to do.
struct TileRun {
  int first_tile, tiles, expert;
};
inline constexpr int kRunTiles = 8;
inline constexpr int kManyPanels = 8;  // of a block of that kernel

struct Product {
  const CudaWeight* weight = nullptr;
  float* out = nullptr;
  int64_t out_stride = 0;
};

// What products of several weights have in common. Row i of tile t of the list is written to out row 8 t + i.
struct ProductRows {
  Tensor x;
  RowList list;
  int count = 0;  // to write
  const int* tile_experts = nullptr;  // device memory, the expert of each tile, -1: skip it; nullptr: no experts
  // The same tiles in runs (device memory), where experts have several tiles each.
  const TileRun* runs = nullptr;
  int run_count = 0;
  int tile_rows = kTileRows;  // the most that a tile of experts has: those of the step, a row having an expert once
  bool add = false;  // to what is in `out`
};

// out = or += weight times rows, for each product. Rows are prepared once for all weights that want them alike. Puts products of one type beside each other.
void multiply(CudaContext& context, std::span<Product> products, const ProductRows& rows);

// At most kMostTogether F32 weights, with the rows of x as they are.
void multiply_floats(CudaContext& context, std::span<const Product> products, const ProductRows& rows);

// One weight of a kernel's.
struct MultiplyPart {
  const std::byte* panels;
  int panels_per_expert, outputs;
  float* out;
  int64_t out_stride;
};

// A kernel's arguments.
struct MultiplyTask {
  MultiplyPart parts[kMostTogether];
  int all_panels;  // of an expert, of all parts
  int64_t panel_size;
  int groups;
  const ActivationBlocks* activations;  // of quantized weights
  const SplitBlock* split_rows;  // of F16 and BF16 weights
  int tiles, rows;
  int tile_rows;  // the most that a tile has
  const int* tile_experts;
  const int* sources;  // of the rows, nullptr: there are `rows`, one behind the other
  bool add;
  const TileRun* runs;  // nullptr: tile 0 and so on
  int run_count;  // 0: not for the kernel for many rows
  int stages;  // of a warp of the kernel for few rows
};

// How many runs the kernel for many rows gets, 0 where the one for few is to do it: up to 16 rows; where the kernel for many, which makes 128
// outputs of 64 rows in a block, would leave half of the GPU without one; and for tiles of experts that are in no runs.
int many_rows_runs(const CudaContext& context, const MultiplyTask& task);

// F16 or BF16 weights.
void multiply_sixteen_bits(CudaContext& context, QuantType type, const MultiplyTask& task);

// One format each; every .cu file of this family defines some.
void multiply_q8_0(CudaContext& context, const MultiplyTask& task);
void multiply_q4_0(CudaContext& context, const MultiplyTask& task);
void multiply_q5_0(CudaContext& context, const MultiplyTask& task);
void multiply_iq4_nl(CudaContext& context, const MultiplyTask& task);
void multiply_iq4_xs(CudaContext& context, const MultiplyTask& task);
void multiply_mxfp4(CudaContext& context, const MultiplyTask& task);
void multiply_q4_1(CudaContext& context, const MultiplyTask& task);
void multiply_q5_1(CudaContext& context, const MultiplyTask& task);
void multiply_q4_k(CudaContext& context, const MultiplyTask& task);
void multiply_q5_k(CudaContext& context, const MultiplyTask& task);
void multiply_q6_k(CudaContext& context, const MultiplyTask& task);
void multiply_q3_k(CudaContext& context, const MultiplyTask& task);
void multiply_q2_k(CudaContext& context, const MultiplyTask& task);

}  // namespace paceline::cuda

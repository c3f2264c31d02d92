#pragma once
// Products of panels with prepared rows: one launch for one weight. The numeric order of an output is the same whatever the number of rows:
// each warp of a block sums a fixed share of the groups of 256 columns, block after block; the shares are added in order.
#include "device/cuda/activations.h"
#include "device/cuda/weights.h"

namespace paceline::cuda {

// out rows = or += weight times rows. Row i of tile t is written to out row 8 t + i.
struct Product {
  const CudaWeight* weight = nullptr;
  const int* tile_experts = nullptr;  // device memory, the expert of each tile, -1: skip it; nullptr: no experts
  float* out = nullptr;
  int64_t out_stride = 0;
  int rows = 0;  // to write
  bool add = false;
};

// Quantized weights.
void multiply(CudaContext& context, const Product& product, const Activations& activations);

// F32, F16 and BF16 weights, with the rows of x as they are.
void multiply_floats(CudaContext& context, const Product& product, Tensor x, RowList rows);

// A kernel's arguments.
struct MultiplyTask {
  const std::byte* panels;
  int64_t panel_size;
  int panels_per_expert, outputs, groups;
  const ActivationBlock* activations;
  int tiles, rows;
  const int* tile_experts;
  float* out;
  int64_t out_stride;
  bool add;
};

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

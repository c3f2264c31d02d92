// As multiply_scaled.cu and multiply_affine.cu with a scale (and a minimum) for each half of a block: Q6_K, Q3_K, Q2_K. Two products of depth
// 16 take the place of one of depth 32.
//
// Called by project, project_add and project_experts through multiply(). A block has 8 warps, or 4 for up to four rows, and makes 16 outputs
// of up to 32 rows, or 128 of up to 64; a warp reads a panel's groups of 256 columns, every load of codes 512 contiguous bytes. Tiles and numeric order:
// multiply_few-inl.h, multiply_many-inl.h, multiply_block-inl.h.
// Bytes per weight: 0.828 (Q6_K), 0.453 (Q3_K), 0.328 (Q2_K).
// Share of peak: not measured yet (no GPU).
#include "device/cuda/multiply-inl.h"

namespace paceline::cuda {

void multiply_q6_k(CudaContext& context, const MultiplyTask& task) {
  launch_format<Q6_KFormat>(context, "multiply q6_k", task);
}
void multiply_q3_k(CudaContext& context, const MultiplyTask& task) {
  launch_format<Q3_KFormat>(context, "multiply q3_k", task);
}
void multiply_q2_k(CudaContext& context, const MultiplyTask& task) {
  launch_format<Q2_KFormat>(context, "multiply q2_k", task);
}

}  // namespace paceline::cuda

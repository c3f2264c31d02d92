// out = sum over blocks of 32 columns of scale * activation scale * (code . activation codes) - minimum * activation scale * sum of the
// activation codes: Q4_1, Q5_1, Q4_K, Q5_K.
//
// Called by project, project_add and project_experts through multiply(). A block has 8 warps, or 4 for up to four rows, and makes 16 outputs
// of up to 32 rows, or 128 of up to 64; a warp reads a panel's groups of 256 columns, every load of codes 512 contiguous bytes. Tiles and numeric order:
// multiply_few-inl.h, multiply_many-inl.h, multiply_block-inl.h.
// Bytes per weight: 0.625 (Q4_1), 0.75 (Q5_1), 0.578 (Q4_K), 0.703 (Q5_K).
// Share of peak: not measured yet (no GPU).
#include "device/cuda/multiply-inl.h"

namespace paceline::cuda {

void multiply_q4_1(CudaContext& context, const MultiplyTask& task) {
  launch_format<Q4_1Format>(context, "multiply q4_1", task);
}
void multiply_q5_1(CudaContext& context, const MultiplyTask& task) {
  launch_format<Q5_1Format>(context, "multiply q5_1", task);
}
void multiply_q4_k(CudaContext& context, const MultiplyTask& task) {
  launch_format<Q4_KFormat>(context, "multiply q4_k", task);
}
void multiply_q5_k(CudaContext& context, const MultiplyTask& task) {
  launch_format<Q5_KFormat>(context, "multiply q5_k", task);
}

}  // namespace paceline::cuda

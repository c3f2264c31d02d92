// out = sum over blocks of 32 columns of scale * activation scale * (code . activation codes): Q8_0, Q4_0, Q5_0, IQ4_NL, IQ4_XS, MXFP4.
//
// Called by project, project_add and project_experts through multiply(). A block has 8 warps, or 4 for up to four rows, and makes 16 outputs
// of up to 32 rows, or 128 of up to 64; a warp reads a panel's groups of 256 columns, every load of codes 512 contiguous bytes. Tiles and numeric order:
// multiply_few-inl.h, multiply_many-inl.h, multiply_block-inl.h.
// Bytes per weight: 1.0625 (Q8_0), 0.5625 (Q4_0, IQ4_NL), 0.6875 (Q5_0), 0.547 (IQ4_XS), 0.531 (MXFP4).
// Share of peak: not measured yet (no GPU).
#include "device/cuda/multiply-inl.h"

namespace paceline::cuda {

void multiply_q8_0(CudaContext& context, const MultiplyTask& task) {
  launch_format<Q8_0Format>(context, "multiply q8_0", task);
}
void multiply_q4_0(CudaContext& context, const MultiplyTask& task) {
  launch_format<Q4_0Format>(context, "multiply q4_0", task);
}
void multiply_q5_0(CudaContext& context, const MultiplyTask& task) {
  launch_format<Q5_0Format>(context, "multiply q5_0", task);
}
void multiply_iq4_nl(CudaContext& context, const MultiplyTask& task) {
  launch_format<Iq4NlFormat>(context, "multiply iq4_nl", task);
}
void multiply_iq4_xs(CudaContext& context, const MultiplyTask& task) {
  launch_format<Iq4XsFormat>(context, "multiply iq4_xs", task);
}
void multiply_mxfp4(CudaContext& context, const MultiplyTask& task) {
  launch_format<Mxfp4Format>(context, "multiply mxfp4", task);
}

}  // namespace paceline::cuda

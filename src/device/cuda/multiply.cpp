#include "device/cuda/multiply.h"

namespace paceline::cuda {

void multiply(CudaContext& context, const Product& product, const Activations& activations) {
  const CudaWeight& weight = *product.weight;
  PACELINE_ASSERT(activations.block_count == group_count(weight.cols) * kGroupBlocks);
  const MultiplyTask task{weight.panels(),
                          static_cast<int64_t>(weight.panel_size()),
                          weight.panels_per_expert(),
                          weight.rows,
                          group_count(weight.cols),
                          activations.blocks,
                          activations.tiles,
                          product.rows,
                          product.tile_experts,
                          product.out,
                          product.out_stride,
                          product.add};
  switch (weight.type) {
    case QuantType::Q8_0: return multiply_q8_0(context, task);
    case QuantType::Q4_0: return multiply_q4_0(context, task);
    case QuantType::Q4_1: return multiply_q4_1(context, task);
    case QuantType::Q5_0: return multiply_q5_0(context, task);
    case QuantType::Q5_1: return multiply_q5_1(context, task);
    case QuantType::Q2_K: return multiply_q2_k(context, task);
    case QuantType::Q3_K: return multiply_q3_k(context, task);
    case QuantType::Q4_K: return multiply_q4_k(context, task);
    case QuantType::Q5_K: return multiply_q5_k(context, task);
    case QuantType::Q6_K: return multiply_q6_k(context, task);
    case QuantType::IQ4_NL: return multiply_iq4_nl(context, task);
    case QuantType::IQ4_XS: return multiply_iq4_xs(context, task);
    case QuantType::MXFP4: return multiply_mxfp4(context, task);
    case QuantType::F32:
    case QuantType::F16:
    case QuantType::BF16: PACELINE_ASSERT(!"float weights are multiply_floats()'s");
  }
}

}  // namespace paceline::cuda

#pragma once
// The dense products of the device: rows are made ready once for all weights that share them; weights of one type are one launch.
#include <span>

#include "device/cuda/context.h"
#include "device/cuda/weights.h"
#include "device/tensor.h"

namespace paceline::cuda {

// out[i] = weights[i] x
void project(CudaContext& context, std::span<const Tensor> out, Tensor x, std::span<const Weight* const> weights);
// out += weight x
void project_add(CudaContext& context, Tensor out, Tensor x, const CudaWeight& weight);

}  // namespace paceline::cuda

#pragma once
// Which experts and which token: choices by the largest value, ties to the lower index.
#include "device/cuda/context.h"
#include "device/device.h"

namespace paceline::cuda {

// Experts of a layer that route() takes: each lane of a warp keeps a bit for every 32nd.
inline constexpr int kMaxRoutedExperts = 1024;

void route(CudaContext& context, Tensor ids, Tensor shares, Tensor logits, const ExpertShape& shape);
void argmax(CudaContext& context, Tensor ids, Tensor logits);

}  // namespace paceline::cuda

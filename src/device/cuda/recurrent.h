#pragma once
// Convolution and delta rule of the gated delta net: the formulas are in device/device.h, the memory's invariants in device/state.h.
#include "device/cuda/context.h"
#include "device/device.h"

namespace paceline::cuda {

inline constexpr int kMaxConvTaps = 8, kMaxDeltaDim = 256;
inline constexpr int kMaxDeltaSegments = 16;  // of a launch
inline constexpr int kConvThreads = 128;  // channels of a block

void conv_silu(CudaContext& context, Tensor out, Tensor u, const Batch& batch, int layer, Tensor weight);
void delta_rule(CudaContext& context, Tensor out, const DeltaRuleInput& input, const Batch& batch, int layer);

}  // namespace paceline::cuda

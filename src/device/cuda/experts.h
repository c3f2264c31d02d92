#pragma once
// The products of a mixture of experts. Which expert a row goes to is known on the device only, so the grouping happens there too.
#include "device/cuda/context.h"
#include "device/device.h"

namespace paceline::cuda {

// More experts than any model has; the grouping kernel keeps a number for each in shared memory.
inline constexpr int kMaxExperts = 1024;

// out += sum in rank order of share * down_e(silu(gate_e x) * up_e x), for the experts ids of each row.
void project_experts(CudaContext& context, Tensor out, Tensor x, Tensor ids, Tensor shares,
                     const ExpertWeights& weights);

}  // namespace paceline::cuda

#pragma once
// The tokens of each row that rank highest (device/candidates.h).
#include "device/cuda/context.h"
#include "device/device.h"

namespace paceline::cuda {

void list_candidates(CudaContext& context, Tensor out, Tensor logits, Tensor ids,
                     std::span<const CandidateRanking> rankings);

}  // namespace paceline::cuda

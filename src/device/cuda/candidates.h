#pragma once
// The tokens of each row that rank highest, and a draft from among them (device/candidates.h).
#include "device/cuda/context.h"
#include "device/device.h"

namespace paceline::cuda {

void list_candidates(CudaContext& context, Tensor out, Tensor logits, Tensor ids,
                     std::span<const CandidateRanking> rankings);
void choose_drafts(CudaContext& context, Tensor out, Tensor lists, std::span<const DraftRule> rules);

}  // namespace paceline::cuda

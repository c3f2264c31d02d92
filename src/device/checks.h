#pragma once
// Shape checks every device runs first in each operation: a wrong shape is our own mistake and aborts with the operation's name.
#include "device/device.h"

namespace paceline::checks {

void embed(Tensor out, const Weight& table, Tensor tokens);
void rms_norm(Tensor out, Tensor x, Tensor weight);
void project(std::span<const Tensor> out, Tensor x, std::span<const Weight* const> weights);
void project_add(Tensor out, Tensor x, const Weight& weight);
void same_shape(Tensor a, Tensor b);
void batch(const Batch& batch);
void rotate(Tensor x, const Batch& batch, const RotaryShape& shape);
void store_kv(const Batch& batch, int layer, Tensor k, Tensor v);
void attention(Tensor out, Tensor q, const Batch& batch, int layer, const AttentionShape& shape);
void conv_silu(Tensor out, Tensor u, const Batch& batch, int layer, Tensor weight);
void delta_rule(Tensor out, const DeltaRuleInput& input, const Batch& batch, int layer);
void route(Tensor ids, Tensor shares, Tensor logits, const ExpertShape& shape);
void project_experts(Tensor out, Tensor x, Tensor ids, Tensor shares, const ExpertWeights& weights);
void argmax(Tensor ids, Tensor logits);
// Returns how many tokens a row's list has room for.
int list_candidates(Tensor out, Tensor logits, Tensor ids, std::span<const CandidateRanking> rankings);
// As above.
int choose_drafts(Tensor out, Tensor lists, std::span<const DraftRule> rules);

}  // namespace paceline::checks

#include "device/checks.h"

namespace paceline::checks {

namespace {

void is_f32(Tensor tensor) { PACELINE_ASSERT(tensor.dtype == DType::F32 && tensor.stride >= tensor.cols); }

void is_vector(Tensor tensor, int cols) {
  is_f32(tensor);
  PACELINE_ASSERT(tensor.rows == 1 && tensor.cols == cols);
}

}  // namespace

void embed(Tensor out, const Weight& table, Tensor tokens) {
  is_f32(out);
  PACELINE_ASSERT(tokens.dtype == DType::I32 && tokens.cols == 1);
  PACELINE_ASSERT(out.rows == tokens.rows && out.cols == table.cols);
}

void rms_norm(Tensor out, Tensor x, Tensor weight) {
  same_shape(out, x);
  is_vector(weight, x.cols);
}

void project(std::span<const Tensor> out, Tensor x, std::span<const Weight* const> weights) {
  is_f32(x);
  PACELINE_ASSERT(out.size() == weights.size() && !out.empty());
  for (size_t i = 0; i < out.size(); ++i) {
    is_f32(out[i]);
    PACELINE_ASSERT(out[i].rows == x.rows && out[i].cols == weights[i]->rows && x.cols == weights[i]->cols);
  }
}

void project_add(Tensor out, Tensor x, const Weight& weight) {
  is_f32(out), is_f32(x);
  PACELINE_ASSERT(out.rows == x.rows && out.cols == weight.rows && x.cols == weight.cols);
}

void same_shape(Tensor a, Tensor b) {
  is_f32(a), is_f32(b);
  PACELINE_ASSERT(a.rows == b.rows && a.cols == b.cols);
}

void batch(const Batch& batch) {
  int row = 0;
  for (const Segment& segment : batch.segments) {
    PACELINE_ASSERT(segment.state != nullptr && segment.first_row == row && segment.row_count >= 1);
    PACELINE_ASSERT(segment.first_position >= 0);
    PACELINE_ASSERT(segment.first_position + segment.row_count <= segment.state->shape().max_length);
    row += segment.row_count;
  }
  PACELINE_ASSERT(row == batch.rows());
}

void rotate(Tensor x, const Batch& rows, const RotaryShape& shape) {
  is_f32(x);
  batch(rows);
  PACELINE_ASSERT(shape.dims % 2 == 0 && shape.dims <= shape.head_dim);
  PACELINE_ASSERT(x.rows == rows.rows() * shape.head_count && x.cols == shape.head_dim);
}

void store_kv(const Batch& rows, int layer, Tensor k, Tensor v) {
  is_f32(k), is_f32(v);
  batch(rows);
  PACELINE_ASSERT(k.rows == rows.rows() && v.rows == rows.rows());
  for (const Segment& segment : rows.segments) {
    const KvShape& shape = segment.state->kv(layer).shape;
    PACELINE_ASSERT(k.cols == shape.head_count_kv * shape.head_dim && v.cols == k.cols);
  }
}

void attention(Tensor out, Tensor q, const Batch& rows, int layer, const AttentionShape& shape) {
  is_f32(out), is_f32(q);
  batch(rows);
  PACELINE_ASSERT(out.rows == rows.rows() && q.rows == rows.rows() * shape.head_count && q.cols == shape.head_dim);
  PACELINE_ASSERT(out.cols == shape.head_count * shape.head_dim && shape.head_count % shape.head_count_kv == 0);
  for (const Segment& segment : rows.segments) {
    const KvShape& kv = segment.state->kv(layer).shape;
    PACELINE_ASSERT(kv.head_count_kv == shape.head_count_kv && kv.head_dim == shape.head_dim);
  }
}

void conv_silu(Tensor out, Tensor u, const Batch& rows, int layer, Tensor weight) {
  same_shape(out, u);
  is_f32(weight);
  batch(rows);
  PACELINE_ASSERT(u.rows == rows.rows());
  for (const Segment& segment : rows.segments) {
    const RecurrentShape& shape = segment.state->recurrent(layer).shape;
    PACELINE_ASSERT(u.cols == shape.conv_channels);
    PACELINE_ASSERT(weight.rows == shape.conv_channels && weight.cols == shape.conv_kernel);
  }
}

void delta_rule(Tensor out, const DeltaRuleInput& input, const Batch& rows, int layer) {
  is_f32(out), is_f32(input.qkv), is_f32(input.beta), is_f32(input.alpha);
  batch(rows);
  PACELINE_ASSERT(out.rows == rows.rows() && input.qkv.rows == rows.rows());
  PACELINE_ASSERT(input.beta.rows == rows.rows() && input.alpha.rows == rows.rows());
  for (const Segment& segment : rows.segments) {
    const RecurrentShape& shape = segment.state->recurrent(layer).shape;
    PACELINE_ASSERT(out.cols == shape.value_head_count * shape.head_dim && input.qkv.cols == shape.conv_channels);
    PACELINE_ASSERT(input.beta.cols == shape.value_head_count && input.alpha.cols == shape.value_head_count);
    is_vector(input.a, shape.value_head_count);
    is_vector(input.dt, shape.value_head_count);
  }
}

void route(Tensor ids, Tensor shares, Tensor logits, const ExpertShape& shape) {
  is_f32(shares), is_f32(logits);
  PACELINE_ASSERT(ids.dtype == DType::I32 && ids.rows == logits.rows && shares.rows == logits.rows);
  PACELINE_ASSERT(logits.cols == shape.expert_count && shape.used_count <= shape.expert_count);
  PACELINE_ASSERT(ids.cols == shape.used_count && shares.cols == shape.used_count);
}

void project_experts(Tensor out, Tensor x, Tensor ids, Tensor shares, const ExpertWeights& weights) {
  same_shape(out, x);
  is_f32(shares);
  PACELINE_ASSERT(ids.dtype == DType::I32 && ids.rows == x.rows && shares.rows == x.rows && ids.cols == shares.cols);
  PACELINE_ASSERT(weights.gate->cols == x.cols && weights.up->cols == x.cols && weights.down->rows == x.cols);
  PACELINE_ASSERT(weights.gate->rows == weights.down->cols && weights.up->rows == weights.down->cols);
}

void argmax(Tensor ids, Tensor logits) {
  is_f32(logits);
  PACELINE_ASSERT(ids.dtype == DType::I32 && ids.rows == logits.rows && ids.cols == 1);
}

int list_candidates(Tensor out, Tensor logits, Tensor ids, std::span<const CandidateRanking> rankings) {
  is_f32(logits);
  const int count = candidate_room(out.cols);
  PACELINE_ASSERT(out.dtype == DType::I32 && out.rows == logits.rows && out.cols == candidate_words(count));
  PACELINE_ASSERT(count >= 1 && count <= kMostCandidates);
  PACELINE_ASSERT(rankings.size() == static_cast<size_t>(logits.rows));
  PACELINE_ASSERT(ids.data == nullptr || (ids.dtype == DType::I32 && ids.rows == logits.cols && ids.stride == 1));
  return count;
}

int choose_drafts(Tensor out, Tensor lists, std::span<const DraftRule> rules) {
  const int count = candidate_room(lists.cols);
  PACELINE_ASSERT(lists.dtype == DType::I32 && lists.cols == candidate_words(count) && count >= 1);
  PACELINE_ASSERT(out.dtype == DType::I32 && out.rows == lists.rows && out.cols == kDraftWords);
  PACELINE_ASSERT(rules.size() == static_cast<size_t>(lists.rows));
  return count;
}

}  // namespace paceline::checks

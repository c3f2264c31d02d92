#include "model/blocks.h"

#include <algorithm>

namespace paceline {

Tensor Scratch::get(const std::string& role, int cols, DType dtype) {
  const std::string key = cat(role, ":", cols, ":", static_cast<int>(dtype));
  auto found = tensors_.find(key);
  if (found == tensors_.end()) found = tensors_.emplace(key, device_.allocate(dtype, max_rows_, cols)).first;
  return found->second;
}

Batch batch_from(const Batch& batch, int first_row, std::vector<Segment>& segments) {
  segments.clear();
  for (Segment segment : batch.segments) {
    const int skipped = std::clamp(first_row - segment.first_row, 0, segment.row_count);
    if (skipped == segment.row_count) continue;
    segment.first_position += skipped;
    segment.row_count -= skipped;
    segment.first_row += skipped - first_row;
    segments.push_back(segment);
  }
  return {batch.tokens.row_range(first_row, batch.rows() - first_row), segments};
}

void AttentionBlock::load(Binder& binder, const std::string& prefix, const AttentionConfig& config, Scratch& scratch) {
  config_ = config;
  const int head_dim = config.shape.head_dim;
  const int q_cols = config.shape.head_count * head_dim * (config.gated ? 2 : 1);
  const int kv_cols = config.shape.head_count_kv * head_dim;
  q_ = binder.matrix(prefix + "attn_q.weight", q_cols, config.width);
  k_ = binder.matrix(prefix + "attn_k.weight", kv_cols, config.width);
  v_ = binder.matrix(prefix + "attn_v.weight", kv_cols, config.width);
  output_ = binder.matrix(prefix + "attn_output.weight", config.width, config.shape.head_count * head_dim);
  q_norm_ = binder.vector(prefix + "attn_q_norm.weight", head_dim);
  k_norm_ = binder.vector(prefix + "attn_k_norm.weight", head_dim);
  queries_ = scratch.get("queries", q_cols);
  keys_ = scratch.get("keys", kv_cols);
  values_ = scratch.get("values", kv_cols);
  mixed_ = scratch.get("mixed", config.shape.head_count * head_dim);
}

void AttentionBlock::store(Device& device, Tensor q, Tensor normed, const Batch& batch, int layer, int full_from) {
  const AttentionShape& shape = config_.shape;
  const int rows = batch.rows();
  const Tensor k = keys_.row_range(0, rows), v = values_.row_range(0, rows);
  if (full_from == 0) {
    const Weight* weights[] = {q_.get(), k_.get(), v_.get()};
    const Tensor outs[] = {q, k, v};
    device.project(outs, normed, weights);
  } else {
    const Weight* weights[] = {k_.get(), v_.get()};
    const Tensor outs[] = {k, v};
    device.project(outs, normed, weights);
    const Weight* query_weight[] = {q_.get()};
    const Tensor query_out[] = {q};
    if (q.rows > 0) device.project(query_out, normed.row_range(full_from, q.rows), query_weight);
  }
  const Tensor k_heads = k.as_heads(shape.head_count_kv, shape.head_dim);
  device.rms_norm(k_heads, k_heads, k_norm_, config_.eps);
  device.rotate(k_heads, batch, config_.rotary_k);
  device.store_kv(batch, layer, k, v);
}

void AttentionBlock::forward(Device& device, Tensor x, Tensor normed, const Batch& batch, int layer, int full_from) {
  const AttentionShape& shape = config_.shape;
  const int full_rows = batch.rows() - full_from;
  const Tensor q = queries_.row_range(0, full_rows);
  store(device, q, normed, batch, layer, full_from);
  if (full_rows == 0) return;

  const Batch full = batch_from(batch, full_from, tail_);
  const int pitch = shape.head_dim * (config_.gated ? 2 : 1);
  const Tensor q_heads = q.as_heads(shape.head_count, shape.head_dim, pitch);
  device.rms_norm(q_heads, q_heads, q_norm_, config_.eps);
  device.rotate(q_heads, full, config_.rotary_q);
  const Tensor mixed = mixed_.row_range(0, full_rows);
  device.attention(mixed, q_heads, full, layer, shape);
  if (config_.gated) {
    const Tensor gate = q.columns(shape.head_dim, shape.head_dim).as_heads(shape.head_count, shape.head_dim, pitch);
    device.sigmoid_gate(mixed.as_heads(shape.head_count, shape.head_dim), gate);
  }
  device.project_add(x.row_range(full_from, full_rows), mixed, *output_);
}

void FeedForward::load(Binder& binder, const std::string& prefix, const FeedForwardConfig& config, Scratch& scratch) {
  config_ = config;
  if (config.experts.expert_count > 0) return load_experts(binder, prefix, scratch);
  gate_ = binder.matrix(prefix + "ffn_gate.weight", config.hidden, config.width);
  up_ = binder.matrix(prefix + "ffn_up.weight", config.hidden, config.width);
  down_ = binder.matrix(prefix + "ffn_down.weight", config.width, config.hidden);
  gate_out_ = scratch.get("gate_out", config.hidden);
  up_out_ = scratch.get("up_out", config.hidden);
}

void FeedForward::load_experts(Binder& binder, const std::string& prefix, Scratch& scratch) {
  const int count = config_.experts.expert_count;
  router_ = binder.matrix(prefix + "ffn_gate_inp.weight", count, config_.width);
  expert_gate_ = binder.experts(prefix + "ffn_gate_exps.weight", config_.expert_hidden, config_.width, count);
  expert_up_ = binder.experts(prefix + "ffn_up_exps.weight", config_.expert_hidden, config_.width, count);
  expert_down_ = binder.experts(prefix + "ffn_down_exps.weight", config_.width, config_.expert_hidden, count);
  shared_gate_ = binder.vector(prefix + "ffn_gate_inp_shexp.weight", config_.width);
  gate_ = binder.matrix(prefix + "ffn_gate_shexp.weight", config_.shared_hidden, config_.width);
  up_ = binder.matrix(prefix + "ffn_up_shexp.weight", config_.shared_hidden, config_.width);
  down_ = binder.matrix(prefix + "ffn_down_shexp.weight", config_.width, config_.shared_hidden);
  router_out_ = scratch.get("router_out", count);
  ids_ = scratch.get("ids", config_.experts.used_count, DType::I32);
  shares_ = scratch.get("shares", config_.experts.used_count);
  gate_out_ = scratch.get("gate_out", config_.shared_hidden);
  up_out_ = scratch.get("up_out", config_.shared_hidden);
  shared_out_ = scratch.get("shared_out", config_.width);
}

void FeedForward::forward(Device& device, Tensor x, Tensor normed) {
  if (config_.experts.expert_count > 0) return forward_experts(device, x, normed);
  const Tensor gate = gate_out_.row_range(0, x.rows), up = up_out_.row_range(0, x.rows);
  const Weight* weights[] = {gate_.get(), up_.get()};
  const Tensor outs[] = {gate, up};
  device.project(outs, normed, weights);
  device.swiglu(gate, gate, up);
  device.project_add(x, gate, *down_);
}

void FeedForward::forward_experts(Device& device, Tensor x, Tensor normed) {
  const Tensor logits = router_out_.row_range(0, x.rows);
  const Tensor gate = gate_out_.row_range(0, x.rows), up = up_out_.row_range(0, x.rows);
  const Weight* weights[] = {router_.get(), gate_.get(), up_.get()};
  const Tensor outs[] = {logits, gate, up};
  device.project(outs, normed, weights);

  const Tensor ids = ids_.row_range(0, x.rows), shares = shares_.row_range(0, x.rows);
  device.route(ids, shares, logits, config_.experts);
  device.project_experts(x, normed, ids, shares, {expert_gate_.get(), expert_up_.get(), expert_down_.get()});

  device.swiglu(gate, gate, up);
  const Tensor shared = shared_out_.row_range(0, x.rows);
  const Weight* down[] = {down_.get()};
  const Tensor down_out[] = {shared};
  device.project(down_out, gate, down);
  device.add_shared_expert(x, shared, normed, shared_gate_);
}

}  // namespace paceline

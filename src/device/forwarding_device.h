#pragma once
// A device that hands every operation to another one: the base of wrappers that look at (trace_device.h) or disturb (tests) some of them.
#include "device/device.h"

namespace paceline {

class ForwardingDevice : public Device {
 public:
  explicit ForwardingDevice(Device& inner) : inner_(inner) {}

  std::string description() const override { return inner_.description(); }
  OwnedTensor allocate(DType dtype, int rows, int cols) override { return inner_.allocate(dtype, rows, cols); }
  OwnedTensor allocate_kv(DType dtype, int max_length, const KvShape& shape) override {
    return inner_.allocate_kv(dtype, max_length, shape);
  }
  size_t saved_kv_bytes(const Tensor& slab, const KvShape& shape, int first, int count) const override {
    return inner_.saved_kv_bytes(slab, shape, first, count);
  }
  void save_kv(std::byte* to, const Tensor& slab, const KvShape& shape, int first, int count) override {
    inner_.save_kv(to, slab, shape, first, count);
  }
  void restore_kv(const Tensor& slab, const KvShape& shape, const std::byte* from, int first, int count) override {
    inner_.restore_kv(slab, shape, from, first, count);
  }
  WeightPtr load(const QuantMatrix& matrix, WeightUse use, int expert_count) override {
    return inner_.load(matrix, use, expert_count);
  }
  uint64_t weight_bytes(const QuantMatrix& matrix, WeightUse use, int expert_count) const override {
    return inner_.weight_bytes(matrix, use, expert_count);
  }
  void write(Tensor to, const void* values) override { inner_.write(to, values); }
  void read(void* values, Tensor from) override { inner_.read(values, from); }
  void clear(Tensor tensor) override { inner_.clear(tensor); }
  bool memory_is_host() const override { return inner_.memory_is_host(); }
  uint64_t available_bytes() const override { return inner_.available_bytes(); }
  double copy_gb_s() override { return inner_.copy_gb_s(); }
  double int8_gop_s() override { return inner_.int8_gop_s(); }
  void gather_rows(Tensor out, Tensor in, std::span<const int> rows) override { inner_.gather_rows(out, in, rows); }
  // The wrapper stands for the device it wraps, not for those that have other layers.
  Device& layer_device(int layer) override {
    Device& device = inner_.layer_device(layer);
    return &device == &inner_ ? *this : device;
  }
  void mark() override { inner_.mark(); }
  double seconds_between_marks() override { return inner_.seconds_between_marks(); }
  // run() is the default: nothing is replayed behind a wrapper, which is there to see or change every operation.

  void embed(Tensor out, const Weight& table, Tensor tokens) override { inner_.embed(out, table, tokens); }
  void rms_norm(Tensor out, Tensor x, Tensor weight, float eps) override { inner_.rms_norm(out, x, weight, eps); }
  void project(std::span<const Tensor> out, Tensor x, std::span<const Weight* const> weights) override {
    inner_.project(out, x, weights);
  }
  void project_add(Tensor out, Tensor x, const Weight& weight) override { inner_.project_add(out, x, weight); }
  void swiglu(Tensor out, Tensor gate, Tensor up) override { inner_.swiglu(out, gate, up); }
  void sigmoid_gate(Tensor x, Tensor gate) override { inner_.sigmoid_gate(x, gate); }

  void rotate(Tensor x, const Batch& batch, const RotaryShape& shape) override { inner_.rotate(x, batch, shape); }
  void store_kv(const Batch& batch, int layer, Tensor k, Tensor v) override { inner_.store_kv(batch, layer, k, v); }
  void attention(Tensor out, Tensor q, const Batch& batch, int layer, const AttentionShape& shape) override {
    inner_.attention(out, q, batch, layer, shape);
  }

  void conv_silu(Tensor out, Tensor u, const Batch& batch, int layer, Tensor weight) override {
    inner_.conv_silu(out, u, batch, layer, weight);
  }
  void delta_rule(Tensor out, const DeltaRuleInput& input, const Batch& batch, int layer) override {
    inner_.delta_rule(out, input, batch, layer);
  }
  void gated_rms_norm(Tensor out, Tensor x, Tensor weight, Tensor z, float eps) override {
    inner_.gated_rms_norm(out, x, weight, z, eps);
  }

  void route(Tensor ids, Tensor shares, Tensor logits, const ExpertShape& shape) override {
    inner_.route(ids, shares, logits, shape);
  }
  void project_experts(Tensor out, Tensor x, Tensor ids, Tensor shares, const ExpertWeights& weights) override {
    inner_.project_experts(out, x, ids, shares, weights);
  }
  void add_shared_expert(Tensor out, Tensor shared, Tensor x, Tensor gate) override {
    inner_.add_shared_expert(out, shared, x, gate);
  }

  void argmax(Tensor ids, Tensor logits) override { inner_.argmax(ids, logits); }
  void list_candidates(Tensor out, Tensor logits, Tensor ids, std::span<const CandidateRanking> rankings) override {
    inner_.list_candidates(out, logits, ids, rankings);
  }
  void choose_drafts(Tensor out, Tensor lists, std::span<const DraftRule> rules) override {
    inner_.choose_drafts(out, lists, rules);
  }

 protected:
  Device& inner_;
};

}  // namespace paceline

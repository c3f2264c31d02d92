#pragma once
// Wraps a device and writes one line per row of every result: step, operation, row, hash of its bits. Diff the traces of two runs that
// should agree; the first differing line is the bug. Of a split device it sees the main part.
#include <functional>
#include <string>

#include "device/forwarding_device.h"

namespace paceline {

class TraceDevice final : public ForwardingDevice {
 public:
  // `line` receives e.g. "17 project.0 row 3 9f2b64c0d1e8a755".
  TraceDevice(Device& inner, std::function<void(const std::string&)> line);

  void embed(Tensor out, const Weight& table, Tensor tokens) override;
  void rms_norm(Tensor out, Tensor x, Tensor weight, float eps) override;
  void project(std::span<const Tensor> out, Tensor x, std::span<const Weight* const> weights) override;
  void project_add(Tensor out, Tensor x, const Weight& weight) override;
  void swiglu(Tensor out, Tensor gate, Tensor up) override;
  void sigmoid_gate(Tensor x, Tensor gate) override;
  void rotate(Tensor x, const Batch& batch, const RotaryShape& shape) override;
  void attention(Tensor out, Tensor q, const Batch& batch, int layer, const AttentionShape& shape) override;
  void conv_silu(Tensor out, Tensor u, const Batch& batch, int layer, Tensor weight) override;
  void delta_rule(Tensor out, const DeltaRuleInput& input, const Batch& batch, int layer) override;
  void gated_rms_norm(Tensor out, Tensor x, Tensor weight, Tensor z, float eps) override;
  void route(Tensor ids, Tensor shares, Tensor logits, const ExpertShape& shape) override;
  void project_experts(Tensor out, Tensor x, Tensor ids, Tensor shares, const ExpertWeights& weights) override;
  void add_shared_expert(Tensor out, Tensor shared, Tensor x, Tensor gate) override;
  void argmax(Tensor ids, Tensor logits) override;
  void list_candidates(Tensor out, Tensor logits, Tensor ids, std::span<const CandidateRanking> rankings) override;
  void choose_drafts(Tensor out, Tensor lists, std::span<const DraftRule> rules) override;

 private:
  void record(const char* operation, Tensor out);

  std::function<void(const std::string&)> line_;
  int64_t operation_count_ = 0;
};

}  // namespace paceline

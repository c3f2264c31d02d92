#pragma once
// The device on a GPU: one stream, in which every operation is queued and nothing is waited for but read() and save_kv(). Descriptors of
// batches are kernel parameters (matrix.h) but for what changes from step to step (step_parameters.h), so that no operation copies or
// synchronises for their sake, and steps that are repeated are replayed as graphs (graph_cache.h). The layouts of K, V and weights are in
// kv_layout.h and packing/; one numeric order for prompts and answers, few rows and many.
#include "device/checks.h"
#include "device/cuda/context.h"
#include "device/cuda/graph_cache.h"
#include "device/cuda/weights.h"
#include "device/device.h"

namespace paceline::cuda {

class CudaDevice final : public Device {
 public:
  // `threads` pack weights; 0: as many as there are cores. Without `graphs` every step is launched kernel by kernel.
  explicit CudaDevice(int threads, bool graphs = true)
      : loader_(context_, threads), graphs_(context_), uses_graphs_(graphs) {}

  std::string description() const override;

  OwnedTensor allocate(DType dtype, int rows, int cols) override;
  OwnedTensor allocate_kv(DType dtype, int max_length, const KvShape& shape) override;
  size_t saved_kv_bytes(const Tensor& slab, const KvShape& shape, int first, int count) const override;
  void save_kv(std::byte* to, const Tensor& slab, const KvShape& shape, int first, int count) override;
  void restore_kv(const Tensor& slab, const KvShape& shape, const std::byte* from, int first, int count) override;
  WeightPtr load(const QuantMatrix& matrix, WeightUse use, int expert_count) override;
  uint64_t weight_bytes(const QuantMatrix& matrix, WeightUse use, int expert_count) const override;
  void write(Tensor to, const void* values) override;
  void read(void* values, Tensor from) override;
  void clear(Tensor tensor) override;
  bool memory_is_host() const override { return false; }
  uint64_t available_bytes() const override;
  double copy_gb_s() override;
  double int8_gop_s() override;
  void gather_rows(Tensor out, Tensor in, std::span<const int> rows) override;
  void run(uint64_t key, std::span<const Segment> segments, const std::function<void()>& step) override;
  void mark() override;
  double seconds_between_marks() override;

  void embed(Tensor out, const Weight& table, Tensor tokens) override;
  void rms_norm(Tensor out, Tensor x, Tensor weight, float eps) override;
  void project(std::span<const Tensor> out, Tensor x, std::span<const Weight* const> weights) override;
  void project_add(Tensor out, Tensor x, const Weight& weight) override;
  void swiglu(Tensor out, Tensor gate, Tensor up) override;
  void sigmoid_gate(Tensor x, Tensor gate) override;

  void rotate(Tensor x, const Batch& batch, const RotaryShape& shape) override;
  void store_kv(const Batch& batch, int layer, Tensor k, Tensor v) override;
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

  const GraphCounts& graph_counts() const { return graphs_.counts(); }

 private:
  OwnedTensor allocate_bytes(size_t bytes, DType dtype, int rows, int cols);

  CudaContext context_;
  WeightLoader loader_;
  DeviceBytes copied_;  // what copy_gb_s() copies: one half to the other
  uint64_t copied_bytes_ = 0;
  StreamEvent marks_[2]{StreamEvent(true), StreamEvent(true)};  // by turns
  int last_mark_ = 0;
  GraphCache graphs_;
  const bool uses_graphs_;
};

}  // namespace paceline::cuda

#pragma once
// The CPU device: tensors in ordinary memory, weights in panels, every operation a loop over independent pieces on the thread pool. The
// pieces and the arithmetic inside them do not depend on the number of threads or rows (docs/numerics.md).
#include <vector>

#include "base/thread_pool.h"
#include "device/checks.h"
#include "device/cpu/activations.h"
#include "device/cpu/matmul.h"
#include "device/cpu/open_cpu.h"

namespace paceline::cpu {

class CpuDevice final : public Device {
 public:
  CpuDevice(const Kernels& kernels, int threads) : kernels_(kernels), pool_(threads) {}

  std::string description() const override;
  OwnedTensor allocate(DType dtype, int rows, int cols) override;
  OwnedTensor allocate_kv(DType dtype, int max_length, const KvShape& shape) override;
  size_t saved_kv_bytes(const Tensor& slab, const KvShape& shape, int first, int count) const override;
  void save_kv(std::byte* to, const Tensor& slab, const KvShape& shape, int first, int count) override;
  void restore_kv(const Tensor& slab, const KvShape& shape, const std::byte* from, int first, int count) override;
  WeightPtr load(const QuantMatrix& matrix, WeightUse use, int expert_count) override;
  void write(Tensor to, const void* values) override;
  void read(void* values, Tensor from) override;
  void clear(Tensor tensor) override;
  void gather_rows(Tensor out, Tensor in, std::span<const int> rows) override;

  // dense.cpp
  void embed(Tensor out, const Weight& table, Tensor tokens) override;
  void rms_norm(Tensor out, Tensor x, Tensor weight, float eps) override;
  void project(std::span<const Tensor> out, Tensor x, std::span<const Weight* const> weights) override;
  void project_add(Tensor out, Tensor x, const Weight& weight) override;
  void swiglu(Tensor out, Tensor gate, Tensor up) override;
  void sigmoid_gate(Tensor x, Tensor gate) override;
  void gated_rms_norm(Tensor out, Tensor x, Tensor weight, Tensor z, float eps) override;
  void argmax(Tensor ids, Tensor logits) override;

  // candidates.cpp
  void list_candidates(Tensor out, Tensor logits, Tensor ids, std::span<const CandidateRanking> rankings) override;
  void choose_drafts(Tensor out, Tensor lists, std::span<const DraftRule> rules) override;

  // attention.cpp
  void rotate(Tensor x, const Batch& batch, const RotaryShape& shape) override;
  void store_kv(const Batch& batch, int layer, Tensor k, Tensor v) override;
  void attention(Tensor out, Tensor q, const Batch& batch, int layer, const AttentionShape& shape) override;

  // recurrent.cpp
  void conv_silu(Tensor out, Tensor u, const Batch& batch, int layer, Tensor weight) override;
  void delta_rule(Tensor out, const DeltaRuleInput& input, const Batch& batch, int layer) override;

  // experts.cpp
  void route(Tensor ids, Tensor shares, Tensor logits, const ExpertShape& shape) override;
  void project_experts(Tensor out, Tensor x, Tensor ids, Tensor shares, const ExpertWeights& weights) override;
  void add_shared_expert(Tensor out, Tensor shared, Tensor x, Tensor gate) override;

 private:
  // body(row) for all rows, several at a time on a thread when they are short.
  template <class Body>
  void for_rows(int rows, int cols, Body body) {
    constexpr int kValuesPerClaim = 8192;
    pool_.run(rows, kValuesPerClaim / (cols + 1) + 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) body(static_cast<int>(row));
    });
  }
  // body(row, first column, columns) for pieces of rows.
  template <class Body>
  void for_pieces(int rows, int cols, Body body) {
    constexpr int kPiece = 4096;
    const int pieces = (cols + kPiece - 1) / kPiece;
    pool_.run(int64_t{rows} * pieces, 2, [&](int64_t begin, int64_t end, int) {
      for (int64_t index = begin; index < end; ++index) {
        const int first = static_cast<int>(index % pieces) * kPiece;
        body(static_cast<int>(index / pieces), first, std::min(kPiece, cols - first));
      }
    });
  }

  // recurrent.cpp: one segment of delta_rule.
  struct DeltaRows;
  void prepare_delta_rows(const DeltaRuleInput& input, const Segment& segment, int layer, const DeltaRows& rows);
  void run_delta_rows(Tensor out, const DeltaRuleInput& input, const Segment& segment, int layer,
                      const DeltaRows& rows);
  // attention.cpp: one block of rows of one segment and layer.
  struct AttentionRows;
  void attend_rows(Tensor out, Tensor q, const AttentionRows& rows, const AttentionShape& shape);
  // experts.cpp
  void group_by_expert(Tensor ids, int expert_count);
  void add_experts(Tensor out, Tensor shares, int used_count, const float* results);

  const Kernels kernels_;
  ThreadPool pool_;
  Matmul matmul_;
  Activations activations_;
  std::vector<Product> products_;

  Scratch gates_, normalised_, tiles_;  // delta rule
  Scratch partials_, query_pointers_, query_limits_;  // attention
  Scratch angles_;  // rotate
  Scratch candidates_;  // argmax, list_candidates
  Scratch expert_rows_, expert_inner_, expert_out_;  // experts
  std::vector<double> turns_;  // base^(-2s/dims) of the shape last rotated
  double turns_base_ = 0;
  std::vector<int> pair_rows_, pair_places_, run_lengths_, run_experts_, expert_counts_;
};

}  // namespace paceline::cpu

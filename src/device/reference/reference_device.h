#pragma once
// The oracle: every operation of device.h as its formula reads, one row at a time, single-threaded. F32 values, sums in double, weights
// decoded row by row as they are used, so that its results are the file's own numbers up to rounding of single values.
#include <cmath>
#include <vector>

#include "device/checks.h"
#include "device/host_memory.h"
#include "device/reference/open_reference.h"

namespace paceline {

// The matrix as it lies in the file.
class ReferenceWeight final : public Weight {
 public:
  ReferenceWeight(const QuantMatrix& matrix, int expert_count)
      : Weight(matrix.type, matrix.rows / expert_count, matrix.cols), bytes_(matrix.bytes) {}
  // Row `row` of expert `expert` as floats; `out` has cols values.
  void decode_row(int expert, int row, float* out) const;

 private:
  std::span<const std::byte> bytes_;
};

class ReferenceDevice final : public Device {
 public:
  std::string description() const override { return "reference: 1 thread, scalar"; }

  OwnedTensor allocate(DType dtype, int rows, int cols) override { return allocate_host_tensor(dtype, rows, cols); }
  OwnedTensor allocate_kv(DType dtype, int max_length, const KvShape& shape) override;
  size_t saved_kv_bytes(const Tensor& slab, const KvShape& shape, int first, int count) const override;
  void save_kv(std::byte* to, const Tensor& slab, const KvShape& shape, int first, int count) override;
  void restore_kv(const Tensor& slab, const KvShape& shape, const std::byte* from, int first, int count) override;
  WeightPtr load(const QuantMatrix& matrix, WeightUse use, int expert_count) override;
  void write(Tensor to, const void* values) override;
  void read(void* values, Tensor from) override;
  void clear(Tensor tensor) override;
  void gather_rows(Tensor out, Tensor in, std::span<const int> rows) override;

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
};

namespace reference {

inline float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }
inline float silu(float x) { return x * sigmoid(x); }
double dot(const float* a, const float* b, int count);

}  // namespace reference

}  // namespace paceline

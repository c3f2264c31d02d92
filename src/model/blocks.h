#pragma once
// Building blocks that several architectures share: each a struct of weights with shapes in comments, a loader and a forward. Scratch
// tensors are sized for the largest batch; rows(n) gives views.
#include <map>
#include <string>
#include <vector>

#include "device/device.h"
#include "model/binder.h"

namespace paceline {

// Scratch of a model: one tensor of max_rows rows per role and width, shared by all layers, alive as long as the model.
class Scratch {
 public:
  Scratch(Device& device, int max_rows) : device_(device), max_rows_(max_rows) {}
  // The same (role, cols, dtype) gives the same memory.
  Tensor get(const std::string& role, int cols, DType dtype = DType::F32);

 private:
  Device& device_;
  int max_rows_;
  std::map<std::string, OwnedTensor> tensors_;
};

// The batch without its first `first_row` rows; a segment that straddles the cut keeps its tail. `segments` is the result's storage.
Batch batch_from(const Batch& batch, int first_row, std::vector<Segment>& segments);

struct AttentionConfig {
  int width = 0;
  AttentionShape shape;
  RotaryShape rotary_q, rotary_k;
  float eps = 0;
  bool gated = false;  // attn_q carries a query and an output gate per head (qwen35, spec 4.2)
};

// Softmax attention with normed, rotated heads. Spec 4.2.
class AttentionBlock {
 public:
  void load(Binder& binder, const std::string& prefix, const AttentionConfig& config, Scratch& scratch);
  // x += attention(normed) for rows >= full_from of the batch; rows before it only store K and V.
  void forward(Device& device, Tensor x, Tensor normed, const Batch& batch, int layer, int full_from);

 private:
  void store(Device& device, Tensor q, Tensor normed, const Batch& batch, int layer, int full_from);

  AttentionConfig config_;
  WeightPtr q_;  // [head_count * head_dim * (gated ? 2 : 1), width]
  WeightPtr k_, v_, output_;  // [head_count_kv * head_dim, width] twice, [width, head_count * head_dim]
  OwnedTensor q_norm_, k_norm_;  // [head_dim]
  Tensor queries_, keys_, values_, mixed_;  // scratch
  std::vector<Segment> tail_;
};

struct FeedForwardConfig {
  int width = 0, hidden = 0;  // dense
  ExpertShape experts;  // expert_count 0: dense
  int expert_hidden = 0, shared_hidden = 0;
};

// SwiGLU, dense or a mixture of experts with a gated shared expert. Spec 4.1, 6.
class FeedForward {
 public:
  void load(Binder& binder, const std::string& prefix, const FeedForwardConfig& config, Scratch& scratch);
  // x += ffn(normed)
  void forward(Device& device, Tensor x, Tensor normed);

 private:
  void load_experts(Binder& binder, const std::string& prefix, Scratch& scratch);
  void forward_experts(Device& device, Tensor x, Tensor normed);

  FeedForwardConfig config_;
  WeightPtr gate_, up_, down_;  // dense, or the shared expert: [hidden, width] twice, [width, hidden]
  WeightPtr router_;  // [expert_count, width]
  WeightPtr expert_gate_, expert_up_, expert_down_;  // per expert as above
  OwnedTensor shared_gate_;  // [width]
  Tensor gate_out_, up_out_, router_out_, ids_, shares_, shared_out_;  // scratch
};

}  // namespace paceline

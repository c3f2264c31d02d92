#include "app/synth/tensor_plan.h"

#include <cmath>

#include "base/strings.h"

namespace paceline::synth {

namespace {

// Root mean square of silu(a) * b, silu(a) and sigmoid(a) for normal a, b: what the last matrix of a branch reads.
constexpr float kSwigluRms = 0.6f, kSiluRms = 0.6f, kSigmoidRms = 0.54f;
// Eight experts' shares and the shared expert's gate together shrink a mixture by about this.
constexpr float kMixtureRms = 0.66f;
constexpr float kHeadLogitDeviation = 3, kTiedLogitDeviation = 1.5f;  // of plain random models
constexpr float kCodedLogit = 20;          // of the successor; others have deviation kCodedLogit / sqrt(width / 2)
constexpr float kCodedBranchShare = 0.25f, kCodedDraftShare = 0.15f, kPlainDraftShare = 0.7f;
// Large, so that weights of a small share of it are still well above the smallest halves; twice the deviation of MXFP4's table, so
// that codes of that type get along with one exponent.
constexpr float kCodedEmbedding = 11.71f;

float inverse_root(int64_t count) { return 1 / std::sqrt(static_cast<float>(count)); }

class Planner {
 public:
  Planner(const ModelShape& shape, const QuantMix& mix, bool coded) : shape_(shape), mix_(mix), coded_(coded) {
    residual_ = !coded && shape.tied ? 1 : kCodedEmbedding;
  }

  std::vector<TensorPlan> plan() {
    plan_embedding();
    const float share = (coded_ ? kCodedBranchShare : 1.0f) * inverse_root(2 * shape_.trunk_layer_count);
    for (block_ = 0; block_ < shape_.trunk_layer_count; ++block_) plan_block(residual_ * share);
    plan_block(residual_ * (coded_ ? kCodedDraftShare : kPlainDraftShare) * inverse_root(2));
    plan_draft_tensors();
    return std::move(tensors_);
  }

 private:
  using Extents = std::vector<int64_t>;

  void add(const std::string& name, QuantType type, Extents ne, Fill fill, float scale) {
    tensors_.push_back({name, type, std::move(ne), fill, scale});
  }
  std::string in_block(const char* name) const { return cat("blk.", block_, ".", name, ".weight"); }

  void matrix(const char* name, TensorRole role, Extents ne, float deviation, Fill fill = Fill::Random) {
    const TensorPlace place{role,           block_, shape_.block_count(), shape_.head_count / shape_.head_count_kv,
                            ne.size() == 3, ne[0]};
    const QuantType type = tensor_type(mix_, place);
    add(in_block(name), type, std::move(ne), fill, deviation);
  }
  // A projection of a normed input of unit size.
  void projection(const char* name, TensorRole role, int64_t rows) {
    matrix(name, role, {shape_.width, rows}, inverse_root(shape_.width));
  }
  void floats(const char* name, Extents ne, Fill fill, float scale) {
    add(in_block(name), QuantType::F32, std::move(ne), fill, scale);
  }
  void norm(const char* name, int64_t length, float scale = 1) { floats(name, {length}, Fill::NearScale, scale); }

  void plan_embedding() {
    const Extents ne = {shape_.width, shape_.vocab_size};
    const bool own_output = coded_ || !shape_.tied;
    const TensorPlace place{own_output ? TensorRole::Default : TensorRole::Output, 0, 0, 0, false, shape_.width};
    add("token_embd.weight", tensor_type(mix_, place), ne, coded_ ? Fill::CodedEmbedding : Fill::Random,
        embedding_deviation(shape_, coded_));
    if (own_output) {
      const TensorPlace output{TensorRole::Output, 0, 0, 0, false, shape_.width};
      // Coded: ids that are never said get rows of half the size.
      const float deviation =
          coded_ ? coded_output_gain(shape_) * residual_ / 2 : kHeadLogitDeviation * inverse_root(shape_.width);
      add("output.weight", tensor_type(mix_, output), ne, coded_ ? Fill::CodedOutput : Fill::Random, deviation);
    }
    add("output_norm.weight", QuantType::F32, {shape_.width}, coded_ ? Fill::EvenColumns : Fill::NearScale, 1);
  }

  void plan_block(float branch) {
    norm("attn_norm", shape_.width);
    if (shape_.is_recurrent(block_)) plan_delta_net(branch);
    else plan_attention(branch);
    norm("post_attention_norm", shape_.width);
    if (shape_.has_experts()) plan_experts(branch);
    else plan_feed_forward(branch);
  }

  void plan_attention(float branch) {
    const int64_t query_columns = int64_t{shape_.head_count} * shape_.head_dim;
    const int64_t kv_rows = int64_t{shape_.head_count_kv} * shape_.head_dim;
    projection("attn_q", TensorRole::Default, 2 * query_columns);
    projection("attn_k", TensorRole::Default, kv_rows);
    projection("attn_v", TensorRole::Value, kv_rows);
    matrix("attn_output", TensorRole::AttentionOutput, {query_columns, shape_.width},
           branch / kSigmoidRms * inverse_root(query_columns));
    norm("attn_q_norm", shape_.head_dim);
    norm("attn_k_norm", shape_.head_dim);
  }

  void plan_delta_net(float branch) {
    projection("attn_qkv", TensorRole::Value, shape_.conv_channels());
    projection("attn_gate", TensorRole::Default, shape_.value_length());
    floats("ssm_conv1d", {kConvKernel, shape_.conv_channels()}, Fill::Random, 0.5f);
    add(cat("blk.", block_, ".ssm_dt.bias"), QuantType::F32, {shape_.value_head_count}, Fill::TimeStep, 1);
    add(cat("blk.", block_, ".ssm_a"), QuantType::F32, {shape_.value_head_count}, Fill::Decay, 1);
    projection("ssm_beta", TensorRole::Default, shape_.value_head_count);
    projection("ssm_alpha", TensorRole::Default, shape_.value_head_count);
    norm("ssm_norm", shape_.state_size);
    matrix("ssm_out", TensorRole::Default, {shape_.value_length(), shape_.width},
           branch / kSiluRms * inverse_root(shape_.value_length()));
  }

  void plan_feed_forward(float branch) {
    projection("ffn_gate", TensorRole::Default, shape_.feed_forward_length);
    projection("ffn_up", TensorRole::Default, shape_.feed_forward_length);
    matrix("ffn_down", TensorRole::Down, {shape_.feed_forward_length, shape_.width},
           branch / kSwigluRms * inverse_root(shape_.feed_forward_length));
  }

  void plan_experts(float branch) {
    const int64_t width = shape_.width, hidden = shape_.expert_feed_forward_length, count = shape_.expert_count;
    const float down = branch / kSwigluRms / kMixtureRms * inverse_root(hidden);
    floats("ffn_gate_inp", {width, count}, Fill::Random, inverse_root(width));
    matrix("ffn_gate_exps", TensorRole::Default, {width, hidden, count}, inverse_root(width));
    matrix("ffn_up_exps", TensorRole::Default, {width, hidden, count}, inverse_root(width));
    matrix("ffn_down_exps", TensorRole::Down, {hidden, width, count}, down);
    floats("ffn_gate_inp_shexp", {width}, Fill::Random, inverse_root(width));
    projection("ffn_gate_shexp", TensorRole::Default, hidden);
    projection("ffn_up_shexp", TensorRole::Default, hidden);
    matrix("ffn_down_shexp", TensorRole::Down, {hidden, width}, down);
  }

  // Both halves of eh_proj's input have unit size, or the residual's where the embedding passes through.
  void plan_draft_tensors() {
    const float input = coded_ ? residual_ : 1, wanted = coded_ ? kCodedDraftShare : 1;
    matrix("nextn.eh_proj", TensorRole::Default, {2 * shape_.width, shape_.width},
           wanted * residual_ / input * inverse_root(2 * shape_.width), coded_ ? Fill::PassEmbedding : Fill::Random);
    norm("nextn.enorm", shape_.width, input);
    norm("nextn.hnorm", shape_.width, input);
    floats("nextn.shared_head_norm", {shape_.width}, coded_ ? Fill::OddColumns : Fill::NearScale, 1);
  }

  const ModelShape& shape_;
  const QuantMix& mix_;
  bool coded_;
  float residual_ = 1;
  int block_ = 0;
  std::vector<TensorPlan> tensors_;
};

}  // namespace

int64_t TensorPlan::rows() const {
  int64_t rows = 1;
  for (size_t i = 1; i < ne.size(); ++i) rows *= ne[i];
  return rows;
}

std::vector<TensorPlan> plan_tensors(const ModelShape& shape, const QuantMix& mix, bool coded) {
  return Planner(shape, mix, coded).plan();
}

// A tied table is a head too; its rows are then small beside the residual stream, or every token would predict itself.
float embedding_deviation(const ModelShape& shape, bool coded) {
  return !coded && shape.tied ? kTiedLogitDeviation * inverse_root(shape.width) : kCodedEmbedding;
}

float coded_output_gain(const ModelShape& shape) {
  return kCodedLogit / (static_cast<float>(shape.width) / 2) / kCodedEmbedding;
}

}  // namespace paceline::synth

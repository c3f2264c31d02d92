// qwen3 dense: plain softmax attention with q/k norms in every layer, SwiGLU. No draft head. Spec: qwen35_reference.py with `hyb` false.
#include <optional>

#include "model/architectures.h"
#include "model/config.h"
#include "model/stages.h"

namespace paceline {

namespace {

struct Layer {
  Stage* stage = nullptr;
  OwnedTensor norm, ffn_norm;  // [width]
  AttentionBlock attention;
  FeedForward feed_forward;
};

class Qwen3 final : public Model {
 public:
  Qwen3(const GgufFile& file, Device& device, const ModelOptions& options);

  const ModelFacts& facts() const override { return facts_; }
  StateShape state_shape(int max_length, int max_generate_rows, KvTypes types) const override;
  void forward(const Batch& batch, Tensor hidden) override;
  void draft(const Batch&, Tensor, int) override { PACELINE_ASSERT(!"qwen3 has no draft head"); }
  void logits(Tensor out, Tensor hidden) override;
  void draft_logits(Tensor, Tensor) override { PACELINE_ASSERT(!"qwen3 has no draft head"); }
  QuantMatrix draft_head() const override { return {}; }

 private:
  Device& device_;
  ModelFacts facts_;
  AttentionConfig attention_;
  WeightPtr embed_, head_;
  OwnedTensor output_norm_;
  std::vector<Layer> layers_;
  std::optional<Stages> stages_;  // once the facts are known
};

Qwen3::Qwen3(const GgufFile& file, Device& device, const ModelOptions& options) : device_(device) {
  const ConfigReader reader(file);
  facts_ = reader.facts();
  attention_ = reader.attention();
  if (facts_.has_draft_head) reader.reject("nextn_predict_layers", "is 1, expected 0 for qwen3");
  FeedForwardConfig feed_forward;
  feed_forward.width = facts_.width;
  feed_forward.hidden = reader.integer("feed_forward_length", 1, 1 << 20);

  Binder binder(file, device, options.on_progress);
  stages_.emplace(device, facts_.trunk_layer_count, options.max_batch_rows, facts_.width);
  binder.place_on(stages_->of_embedding().device);
  embed_ = binder.matrix("token_embd.weight", facts_.vocab_size, facts_.width, WeightUse::Embed);
  layers_.resize(static_cast<size_t>(facts_.trunk_layer_count));
  for (size_t i = 0; i < layers_.size(); ++i) {
    const std::string prefix = cat("blk.", i, ".");
    Stage& stage = stages_->of_block(static_cast<int>(i));
    binder.place_on(stage.device);
    layers_[i].stage = &stage;
    layers_[i].norm = binder.vector(prefix + "attn_norm.weight", facts_.width);
    layers_[i].ffn_norm = binder.vector(prefix + "ffn_norm.weight", facts_.width);
    layers_[i].attention.load(binder, prefix, attention_, stage.scratch);
    layers_[i].feed_forward.load(binder, prefix, feed_forward, stage.scratch);
  }
  binder.place_on(device);
  output_norm_ = binder.vector("output_norm.weight", facts_.width);
  head_ = binder.matrix(binder.output_name(), facts_.vocab_size, facts_.width);
  binder.finish();
}

StateShape Qwen3::state_shape(int max_length, int max_generate_rows, KvTypes types) const {
  StateShape shape;
  for (int layer = 0; layer < facts_.trunk_layer_count; ++layer)
    shape.kv.push_back({attention_.shape.head_count_kv, attention_.shape.head_dim, types.k, types.v, layer});
  shape.max_length = max_length;
  shape.max_generate_rows = max_generate_rows;
  return shape;
}

void Qwen3::forward(const Batch& batch, Tensor hidden) {
  const int rows = batch.rows();
  Stage* stage = &stages_->embed(*embed_, batch.tokens);
  for (size_t i = 0; i < layers_.size(); ++i) {
    Layer& layer = layers_[i];
    stage = &stages_->go_on(*stage, *layer.stage, rows);
    Device& device = stage->device;
    const Tensor x = stage->x.row_range(0, rows), normed = stage->normed.row_range(0, rows);
    device.rms_norm(normed, x, layer.norm, attention_.eps);
    layer.attention.forward(device, x, normed, batch, static_cast<int>(i), 0);
    device.rms_norm(normed, x, layer.ffn_norm, attention_.eps);
    layer.feed_forward.forward(device, x, normed);
  }
  stage = &stages_->go_on(*stage, stages_->main(), rows);
  device_.rms_norm(hidden, stage->x.row_range(0, rows), output_norm_, attention_.eps);
}

void Qwen3::logits(Tensor out, Tensor hidden) {
  const Tensor outs[] = {out};
  const Weight* weights[] = {head_.get()};
  device_.project(outs, hidden, weights);
}

}  // namespace

std::unique_ptr<Model> load_qwen3(const GgufFile& file, Device& device, const ModelOptions& options) {
  return std::make_unique<Qwen3>(file, device, options);
}

}  // namespace paceline

// qwen35 and qwen35moe: three Gated DeltaNet layers, then one gated softmax attention layer, and so on; the draft (MTP) block is one more
// attention layer behind a projection of (next token's embedding, hidden state). Spec: qwen35 sections 1 to 7.
#include <algorithm>

#include "model/architectures.h"
#include "model/config.h"
#include "model/stages.h"

namespace paceline {

namespace {

struct DeltaNetConfig {
  RecurrentShape shape;
  int width = 0;
  float eps = 0;

  int key_cols() const { return shape.key_head_count * shape.head_dim; }
  int value_cols() const { return shape.value_head_count * shape.head_dim; }
};

// Spec 5.1.
class DeltaNetBlock {
 public:
  void load(Binder& binder, const std::string& prefix, const DeltaNetConfig& config, Scratch& scratch);
  // x += delta_net(normed)
  void forward(Device& device, Tensor x, Tensor normed, const Batch& batch, int layer);

 private:
  DeltaNetConfig config_;
  WeightPtr qkv_, gate_, beta_, alpha_, output_;
  OwnedTensor conv_;  // [conv_channels, conv_kernel]
  OwnedTensor a_, dt_;  // [value_head_count]
  OwnedTensor norm_;  // [head_dim]
  Tensor columns_, mixed_columns_, z_, beta_out_, alpha_out_, out_;  // scratch
};

void DeltaNetBlock::load(Binder& binder, const std::string& prefix, const DeltaNetConfig& config, Scratch& scratch) {
  config_ = config;
  const RecurrentShape& shape = config.shape;
  qkv_ = binder.matrix(prefix + "attn_qkv.weight", shape.conv_channels, config.width);
  gate_ = binder.matrix(prefix + "attn_gate.weight", config.value_cols(), config.width);
  beta_ = binder.matrix(prefix + "ssm_beta.weight", shape.value_head_count, config.width);
  alpha_ = binder.matrix(prefix + "ssm_alpha.weight", shape.value_head_count, config.width);
  output_ = binder.matrix(prefix + "ssm_out.weight", config.width, config.value_cols());
  conv_ = binder.values(prefix + "ssm_conv1d.weight", shape.conv_channels, shape.conv_kernel);
  a_ = binder.vector(prefix + "ssm_a", shape.value_head_count);
  dt_ = binder.vector(prefix + "ssm_dt.bias", shape.value_head_count);
  norm_ = binder.vector(prefix + "ssm_norm.weight", shape.head_dim);
  columns_ = scratch.get("columns", shape.conv_channels);
  mixed_columns_ = scratch.get("mixed_columns", shape.conv_channels);
  z_ = scratch.get("z", config.value_cols());
  beta_out_ = scratch.get("beta_out", shape.value_head_count);
  alpha_out_ = scratch.get("alpha_out", shape.value_head_count);
  out_ = scratch.get("mixed", config.value_cols());
}

void DeltaNetBlock::forward(Device& device, Tensor x, Tensor normed, const Batch& batch, int layer) {
  const int rows = x.rows;
  const Tensor columns = columns_.row_range(0, rows), mixed = mixed_columns_.row_range(0, rows);
  const Tensor z = z_.row_range(0, rows), out = out_.row_range(0, rows);
  const Tensor beta = beta_out_.row_range(0, rows), alpha = alpha_out_.row_range(0, rows);
  const Weight* weights[] = {qkv_.get(), gate_.get(), beta_.get(), alpha_.get()};
  const Tensor outs[] = {columns, z, beta, alpha};
  device.project(outs, normed, weights);
  device.conv_silu(mixed, columns, batch, layer, conv_);
  device.delta_rule(out, {mixed, beta, alpha, a_, dt_, config_.eps}, batch, layer);

  const int heads = config_.shape.value_head_count, head_dim = config_.shape.head_dim;
  const Tensor out_heads = out.as_heads(heads, head_dim);
  device.gated_rms_norm(out_heads, out_heads, norm_, z.as_heads(heads, head_dim), config_.eps);
  device.project_add(x, out, *output_);
}

struct Config {
  ModelFacts facts;
  AttentionConfig attention;
  DeltaNetConfig delta_net;
  FeedForwardConfig feed_forward;
  std::vector<bool> recurrent;  // of each trunk layer
};

DeltaNetConfig read_delta_net(const ConfigReader& reader, const AttentionConfig& attention) {
  DeltaNetConfig config;
  RecurrentShape& shape = config.shape;
  shape.key_head_count = reader.integer("ssm.group_count", 1, 1024);
  shape.value_head_count = reader.integer("ssm.time_step_rank", 1, 1024);
  shape.head_dim = reader.integer("ssm.state_size", 1, 1024);
  shape.conv_kernel = reader.integer("ssm.conv_kernel", 2, 64);
  const int inner = reader.integer("ssm.inner_size", 1, 1 << 20);
  if (shape.value_head_count % shape.key_head_count != 0)
    reader.reject("ssm.time_step_rank", cat("is ", shape.value_head_count, ", expected a multiple of ssm.group_count ",
                                            shape.key_head_count));
  if (inner != shape.value_head_count * shape.head_dim)
    reader.reject("ssm.inner_size",
                  cat("is ", inner, ", expected ", shape.value_head_count * shape.head_dim, " (time_step_rank ",
                      shape.value_head_count, " x state_size ", shape.head_dim, ")"));
  shape.conv_channels = (2 * shape.key_head_count + shape.value_head_count) * shape.head_dim;
  config.width = attention.width;
  config.eps = attention.eps;
  return config;
}

FeedForwardConfig read_feed_forward(const ConfigReader& reader, int width) {
  FeedForwardConfig config;
  config.width = width;
  if (reader.architecture() != "qwen35moe") {
    config.hidden = reader.integer("feed_forward_length", 1, 1 << 20);
    return config;
  }
  config.experts.expert_count = reader.integer("expert_count", 1, 4096);
  config.experts.used_count = reader.integer("expert_used_count", 1, config.experts.expert_count);
  config.expert_hidden = reader.integer("expert_feed_forward_length", 1, 1 << 20);
  config.shared_hidden = reader.integer("expert_shared_feed_forward_length", 1, 1 << 20);
  return config;
}

std::vector<bool> read_layer_kinds(const ConfigReader& reader, int trunk_layer_count) {
  std::vector<bool> recurrent(static_cast<size_t>(trunk_layer_count));
  const std::string explicit_key = reader.key("attention.recurrent_layers");
  if (reader.file.metadata().has(explicit_key)) {
    const std::vector<int64_t> listed = reader.file.metadata().integer_array(explicit_key);
    if (listed.size() != static_cast<size_t>(reader.block_count()))
      reader.reject("attention.recurrent_layers",
                    cat("has ", listed.size(), " entries, expected ", reader.block_count()));
    for (size_t i = 0; i < recurrent.size(); ++i) recurrent[i] = listed[i] != 0;
    return recurrent;
  }
  const int interval = reader.integer_or("full_attention_interval", 1, 512, 4);
  for (int i = 0; i < trunk_layer_count; ++i) recurrent[static_cast<size_t>(i)] = (i + 1) % interval != 0;
  return recurrent;
}

// Text positions are the same in all M-RoPE sections, so the sections only have to be there and cover the rotated pairs (spec 4.3).
void check_rope_sections(const ConfigReader& reader, int rotated_dims) {
  int64_t pairs = 0;
  for (const int64_t section : reader.file.metadata().integer_array(reader.key("rope.dimension_sections"))) {
    if (section < 0 || section > rotated_dims) reader.reject("rope.dimension_sections", cat("contains ", section));
    pairs += section;
  }
  if (pairs != rotated_dims / 2)
    reader.reject("rope.dimension_sections",
                  cat("add up to ", pairs, ", expected ", rotated_dims / 2, " (rope.dimension_count / 2)"));
}

Config read_config(const GgufFile& file) {
  const ConfigReader reader(file);
  Config config;
  config.facts = reader.facts();
  config.attention = reader.attention();
  config.attention.gated = true;
  check_rope_sections(reader, config.attention.rotary_q.dims);
  config.delta_net = read_delta_net(reader, config.attention);
  config.feed_forward = read_feed_forward(reader, config.facts.width);
  config.recurrent = read_layer_kinds(reader, config.facts.trunk_layer_count);
  return config;
}

struct Layer {
  Stage* stage = nullptr;
  bool recurrent = false;
  int state_layer = 0;  // index among the sequence's kv or recurrent layers
  OwnedTensor norm, ffn_norm;  // [width]
  AttentionBlock attention;  // one of the two mixers
  DeltaNetBlock delta_net;
  FeedForward feed_forward;
};

// Spec 7.1. The block proper is an attention layer.
struct DraftBlock {
  Layer layer;
  WeightPtr project;  // eh_proj [width, 2 * width], embedding half first
  OwnedTensor embed_norm, hidden_norm, head_norm;  // [width]
  WeightPtr embed, head;  // own tables where the file has them
  QuantMatrix head_matrix;  // of the output head in use
};

class Qwen35 final : public Model {
 public:
  Qwen35(const GgufFile& file, Device& device, const ModelOptions& options);

  const ModelFacts& facts() const override { return config_.facts; }
  StateShape state_shape(int max_length, int max_generate_rows, KvTypes types) const override;
  void forward(const Batch& batch, Tensor hidden) override;
  void draft(const Batch& batch, Tensor hidden, int full_from) override;
  void logits(Tensor out, Tensor hidden) override { project_head(out, hidden, *head_); }
  void draft_logits(Tensor out, Tensor hidden) override {
    project_head(out, hidden, draft_.head ? *draft_.head : *head_);
  }
  QuantMatrix draft_head() const override { return draft_.head_matrix; }

 private:
  void load_layer(Binder& binder, Layer& layer, Stage& stage, int index, bool recurrent);
  void load_draft(Binder& binder);
  void feed(Layer& layer, Tensor x);
  void project_head(Tensor out, Tensor hidden, const Weight& head);

  Device& device_;
  Config config_;
  Stages stages_;
  WeightPtr embed_, head_;
  OwnedTensor output_norm_;
  std::vector<Layer> layers_;
  DraftBlock draft_;
  StateShape state_;  // of its layers; what depends on a sequence is filled in later
  Tensor pair_;  // (embedding, hidden) of the draft block
};

Qwen35::Qwen35(const GgufFile& file, Device& device, const ModelOptions& options)
    : device_(device),
      config_(read_config(file)),
      stages_(device, config_.facts.trunk_layer_count, options.max_batch_rows, config_.facts.width) {
  Binder binder(file, device, options.on_progress);
  const int width = config_.facts.width, vocab = config_.facts.vocab_size;
  binder.place_on(stages_.of_embedding().device);
  embed_ = binder.matrix("token_embd.weight", vocab, width, WeightUse::Embed);
  layers_.resize(config_.recurrent.size());
  for (size_t i = 0; i < layers_.size(); ++i) {
    const int index = static_cast<int>(i);
    load_layer(binder, layers_[i], stages_.of_block(index), index, config_.recurrent[i]);
  }
  binder.place_on(device);
  output_norm_ = binder.vector("output_norm.weight", width);
  head_ = binder.matrix(binder.output_name(), vocab, width);
  if (config_.facts.has_draft_head) load_draft(binder);
  binder.finish();
}

void Qwen35::load_layer(Binder& binder, Layer& layer, Stage& stage, int index, bool recurrent) {
  const std::string prefix = cat("blk.", index, ".");
  binder.place_on(stage.device);
  layer.stage = &stage;
  layer.recurrent = recurrent;
  layer.norm = binder.vector(prefix + "attn_norm.weight", config_.facts.width);
  layer.ffn_norm = binder.vector(prefix + "post_attention_norm.weight", config_.facts.width);
  if (recurrent) {
    layer.state_layer = static_cast<int>(state_.recurrent.size());
    state_.recurrent.push_back(config_.delta_net.shape);
    state_.recurrent.back().layer = index;
    layer.delta_net.load(binder, prefix, config_.delta_net, stage.scratch);
  } else {
    layer.state_layer = static_cast<int>(state_.kv.size());
    const AttentionShape& shape = config_.attention.shape;
    state_.kv.push_back({.head_count_kv = shape.head_count_kv, .head_dim = shape.head_dim, .layer = index});
    layer.attention.load(binder, prefix, config_.attention, stage.scratch);
  }
  layer.feed_forward.load(binder, prefix, config_.feed_forward, stage.scratch);
}

void Qwen35::load_draft(Binder& binder) {
  const int index = config_.facts.trunk_layer_count, width = config_.facts.width, vocab = config_.facts.vocab_size;
  const std::string prefix = cat("blk.", index, ".nextn.");
  load_layer(binder, draft_.layer, stages_.main(), index, false);
  draft_.project = binder.matrix(prefix + "eh_proj.weight", width, 2 * width);
  draft_.embed_norm = binder.vector(prefix + "enorm.weight", width);
  draft_.hidden_norm = binder.vector(prefix + "hnorm.weight", width);
  const bool own_norm = binder.has(prefix + "shared_head_norm.weight");
  draft_.head_norm = binder.vector(own_norm ? prefix + "shared_head_norm.weight" : "output_norm.weight", width);
  if (binder.has(prefix + "embed_tokens.weight")) {
    binder.place_on(stages_.of_embedding().device);
    draft_.embed = binder.matrix(prefix + "embed_tokens.weight", vocab, width, WeightUse::Embed);
    binder.place_on(device_);
  }
  if (binder.has(prefix + "shared_head_head.weight"))
    draft_.head = binder.matrix(prefix + "shared_head_head.weight", vocab, width);
  draft_.head_matrix =
      binder.view(draft_.head ? prefix + "shared_head_head.weight" : binder.output_name(), vocab, width);
  pair_ = stages_.main().scratch.get("pair", 2 * width);
}

StateShape Qwen35::state_shape(int max_length, int max_generate_rows, KvTypes types) const {
  StateShape shape = state_;
  for (KvShape& kv : shape.kv) kv.k_type = types.k, kv.v_type = types.v;
  shape.max_length = max_length;
  shape.max_generate_rows = max_generate_rows;
  return shape;
}

void Qwen35::forward(const Batch& batch, Tensor hidden) {
  const int rows = batch.rows();
  const float eps = config_.attention.eps;
  Stage* stage = &stages_.embed(*embed_, batch.tokens);
  for (Layer& layer : layers_) {
    stage = &stages_.go_on(*stage, *layer.stage, rows);
    const Tensor x = stage->x.row_range(0, rows), normed = stage->normed.row_range(0, rows);
    stage->device.rms_norm(normed, x, layer.norm, eps);
    if (layer.recurrent) layer.delta_net.forward(stage->device, x, normed, batch, layer.state_layer);
    else layer.attention.forward(stage->device, x, normed, batch, layer.state_layer, 0);
    feed(layer, x);
  }
  stage = &stages_.go_on(*stage, stages_.main(), rows);
  device_.rms_norm(hidden, stage->x.row_range(0, rows), output_norm_, eps);
}

void Qwen35::feed(Layer& layer, Tensor x) {
  const Tensor normed = layer.stage->normed.row_range(0, x.rows);
  layer.stage->device.rms_norm(normed, x, layer.ffn_norm, config_.attention.eps);
  layer.feed_forward.forward(layer.stage->device, x, normed);
}

void Qwen35::draft(const Batch& batch, Tensor hidden, int full_from) {
  PACELINE_ASSERT(config_.facts.has_draft_head);
  const int rows = batch.rows(), width = config_.facts.width, full_rows = rows - full_from;
  const float eps = config_.attention.eps;
  Stage& main =
      stages_.go_on(stages_.embed(draft_.embed ? *draft_.embed : *embed_, batch.tokens), stages_.main(), rows);
  const Tensor x = main.x.row_range(0, rows), normed = main.normed.row_range(0, rows), pair = pair_.row_range(0, rows);
  device_.rms_norm(pair.columns(0, width), x, draft_.embed_norm, eps);
  device_.rms_norm(pair.columns(width, width), hidden, draft_.hidden_norm, eps);
  const Tensor joined[] = {x};
  const Weight* project[] = {draft_.project.get()};
  device_.project(joined, pair, project);

  device_.rms_norm(normed, x, draft_.layer.norm, eps);
  draft_.layer.attention.forward(device_, x, normed, batch, draft_.layer.state_layer, full_from);
  if (full_rows == 0) return;
  const Tensor full = x.row_range(full_from, full_rows);
  feed(draft_.layer, full);
  device_.rms_norm(hidden.row_range(full_from, full_rows), full, draft_.head_norm, eps);
}

void Qwen35::project_head(Tensor out, Tensor hidden, const Weight& head) {
  const Tensor outs[] = {out};
  const Weight* weights[] = {&head};
  device_.project(outs, hidden, weights);
}

}  // namespace

std::unique_ptr<Model> load_qwen35(const GgufFile& file, Device& device, const ModelOptions& options) {
  return std::make_unique<Qwen35>(file, device, options);
}

}  // namespace paceline

#include "model/config.h"

#include <cmath>

namespace paceline {

namespace {

constexpr int kMaxBlocks = 512, kMaxHeads = 1024, kMaxHeadDim = 1024, kMaxWidth = 1 << 17;

}  // namespace

ConfigReader::ConfigReader(const GgufFile& gguf)
    : file(gguf), architecture_(gguf.metadata().text("general.architecture")) {
  block_count_ = integer("block_count", 1, kMaxBlocks);
  draft_block_count_ = integer_or("nextn_predict_layers", 0, kMaxBlocks, 0);
  if (draft_block_count_ >= block_count_)
    reject("nextn_predict_layers", cat("is ", draft_block_count_, ", expected less than block_count ", block_count_));
  if (draft_block_count_ > 1) reject("nextn_predict_layers", cat("is ", draft_block_count_, ", supported are 0 and 1"));
  if (draft_block_count_ > 0 && file.find("blk.0.attn_norm.weight") == nullptr)
    fail(file.path(), ": this file holds only the draft head (no blk.0); give the file of the whole model");
}

int ConfigReader::integer(const std::string& name, int64_t lowest, int64_t highest) const {
  return static_cast<int>(file.metadata().integer(key(name), lowest, highest));
}

int ConfigReader::integer_or(const std::string& name, int64_t lowest, int64_t highest, int fallback) const {
  return static_cast<int>(file.metadata().find_integer(key(name), lowest, highest).value_or(fallback));
}

double ConfigReader::positive(const std::string& name) const {
  const double value = file.metadata().number(key(name));
  if (!(value > 0) || !std::isfinite(value)) reject(name, cat("is ", value, ", expected a positive number"));
  return value;
}

void ConfigReader::reject(const std::string& name, const std::string& problem) const {
  fail(file.path(), ": ", key(name), " ", problem);
}

ModelFacts ConfigReader::facts() const {
  ModelFacts facts;
  facts.architecture = architecture_;
  facts.trunk_layer_count = block_count_ - draft_block_count_;
  facts.width = integer("embedding_length", 1, kMaxWidth);
  facts.context_length = integer("context_length", 1, 1 << 30);
  facts.has_draft_head = draft_block_count_ > 0;
  const GgufTensor* table = file.find("token_embd.weight");
  if (table == nullptr) fail(file.path(), ": tensor token_embd.weight is missing");
  if (table->rows() > (1 << 24))
    fail(file.path(), ": token_embd.weight has ", table->rows(), " rows, expected at most ", 1 << 24);
  facts.vocab_size = static_cast<int>(table->rows());
  const GgufValue* names = file.metadata().find("tokenizer.ggml.tokens");
  if (names != nullptr && names->type == GgufType::Array &&
      std::get<GgufArray>(names->data).size() != static_cast<size_t>(facts.vocab_size))
    fail(file.path(), ": tokenizer.ggml.tokens has ", std::get<GgufArray>(names->data).size(), " entries, expected ",
         facts.vocab_size, " (rows of token_embd.weight)");
  return facts;
}

AttentionConfig ConfigReader::attention() const {
  AttentionConfig config;
  config.width = integer("embedding_length", 1, kMaxWidth);
  const int heads = integer("attention.head_count", 1, kMaxHeads);
  const int kv_heads = integer_or("attention.head_count_kv", 1, kMaxHeads, heads);
  if (heads % kv_heads != 0)
    reject("attention.head_count_kv", cat("is ", kv_heads, ", expected a divisor of head_count ", heads));
  const int head_dim = integer_or("attention.key_length", 2, kMaxHeadDim, config.width / heads);
  const int value_dim = integer_or("attention.value_length", 2, kMaxHeadDim, head_dim);
  if (value_dim != head_dim)
    reject("attention.value_length", cat("is ", value_dim, ", expected key_length ", head_dim));
  if (head_dim % 2 != 0) reject("attention.key_length", cat("is ", head_dim, ", expected an even number"));
  const int dims = integer_or("rope.dimension_count", 2, head_dim, head_dim);
  if (dims % 2 != 0) reject("rope.dimension_count", cat("is ", dims, ", expected an even number"));
  config.shape = {heads, kv_heads, head_dim, static_cast<float>(1.0 / std::sqrt(static_cast<double>(head_dim)))};
  const double base = positive("rope.freq_base");
  config.rotary_q = {heads, head_dim, dims, base};
  config.rotary_k = {kv_heads, head_dim, dims, base};
  config.eps = static_cast<float>(positive("attention.layer_norm_rms_epsilon"));
  return config;
}

}  // namespace paceline

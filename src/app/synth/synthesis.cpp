#include "app/synth/synthesis.h"

#include <algorithm>
#include <future>
#include <thread>
#include <vector>

#include "app/synth/filler.h"
#include "app/synth/vocabulary.h"
#include "base/error.h"
#include "gguf/writer.h"

namespace paceline::synth {

namespace {

constexpr uint64_t kChunkBytes = 64 << 20;

void add_model_keys(GgufWriter& writer, const ModelShape& shape) {
  const std::string prefix = cat(shape.architecture, ".");
  const auto u32 = [&](const char* key, int value) { writer.add_u32(prefix + key, static_cast<uint32_t>(value)); };
  u32("block_count", shape.block_count());
  u32("nextn_predict_layers", 1);
  u32("context_length", shape.context_length);
  u32("embedding_length", shape.width);
  if (!shape.has_experts()) u32("feed_forward_length", shape.feed_forward_length);
  u32("attention.head_count", shape.head_count);
  u32("attention.head_count_kv", shape.head_count_kv);
  u32("attention.key_length", shape.head_dim);
  u32("attention.value_length", shape.head_dim);
  writer.add_f32(prefix + "attention.layer_norm_rms_epsilon", 1e-6f);
  u32("rope.dimension_count", shape.rotated_dims());
  // Text uses one position for all sections; they only have to cover the rotated pairs (spec section 4.3).
  const int pairs = shape.rotated_dims() / 2, part = (pairs + 2) / 3;
  writer.add_i32_array(prefix + "rope.dimension_sections", {part, part, pairs - 2 * part, 0});
  writer.add_f32(prefix + "rope.freq_base", 1e7f);
  u32("full_attention_interval", 4);
  u32("ssm.conv_kernel", kConvKernel);
  u32("ssm.state_size", shape.state_size);
  u32("ssm.group_count", shape.key_head_count);
  u32("ssm.time_step_rank", shape.value_head_count);
  u32("ssm.inner_size", shape.value_length());
  if (!shape.has_experts()) return;
  u32("expert_count", shape.expert_count);
  u32("expert_used_count", shape.expert_used_count);
  u32("expert_feed_forward_length", shape.expert_feed_forward_length);
  u32("expert_shared_feed_forward_length", shape.expert_feed_forward_length);
}

void add_tokenizer_keys(GgufWriter& writer, const ModelShape& shape) {
  Vocabulary vocabulary = make_vocabulary(shape.vocab_size, shape.special_token_base);
  writer.add_text("tokenizer.ggml.model", "gpt2");
  writer.add_text("tokenizer.ggml.pre", "qwen35");
  writer.add_text_array("tokenizer.ggml.tokens", std::move(vocabulary.tokens));
  writer.add_i32_array("tokenizer.ggml.token_type", vocabulary.kinds);
  writer.add_text_array("tokenizer.ggml.merges", std::move(vocabulary.merges));
  writer.add_u32("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(vocabulary.end_of_turn));
  writer.add_u32("tokenizer.ggml.padding_token_id", static_cast<uint32_t>(vocabulary.end_of_text));
  writer.add_u32("tokenizer.ggml.bos_token_id", static_cast<uint32_t>(vocabulary.end_of_text));
  writer.add_bool("tokenizer.ggml.add_bos_token", false);
  writer.add_text("tokenizer.chat_template", chat_template());
}

void add_metadata(GgufWriter& writer, const SynthesisOptions& options) {
  const ModelShape& shape = *options.shape;
  writer.add_text("general.architecture", std::string(shape.architecture));
  writer.add_text("general.type", "model");
  writer.add_text("general.name", cat("synthetic ", shape.name));
  writer.add_text("general.size_label", std::string(shape.name));
  writer.add_text("general.description",
                  "Made-up weights of a real model's shape, for tests and speed measurements. It knows nothing.");
  add_model_keys(writer, shape);
  add_tokenizer_keys(writer, shape);
  writer.add_u32("general.quantization_version", 2);
  writer.add_u32("general.file_type", options.mix->file_type);
  // What was asked for, so that measurements can say what they ran on.
  writer.add_text("paceline.synth.seed", cat(options.seed));
  if (!options.accept) return;
  writer.add_f32("paceline.synth.accept", static_cast<float>(*options.accept));
  writer.add_f32("paceline.synth.rare", static_cast<float>(options.rare));
}

// Rows of one chunk, filled by all threads.
void fill_chunk(const Filler& filler, const TensorPlan& plan, int64_t first_row, std::span<std::byte> out,
                int threads) {
  const size_t bytes = row_bytes(plan.type, plan.columns());
  const int64_t rows = static_cast<int64_t>(out.size() / bytes);
  const auto fill_slice = [&](int slice, int count) {
    const int64_t begin = rows * slice / count, end = rows * (slice + 1) / count;
    filler.fill(plan, first_row + begin,
                out.subspan(static_cast<size_t>(begin) * bytes, static_cast<size_t>(end - begin) * bytes));
  };
  if (threads == 1 || out.size() < (1 << 20)) return fill_slice(0, 1);
  std::vector<std::jthread> workers;
  for (int i = 0; i < threads; ++i) workers.emplace_back(fill_slice, i, threads);
}

// Fills one buffer while the other is being written.
class ChunkPipe {
 public:
  explicit ChunkPipe(GgufWriter& writer) : writer_(writer) {}

  std::span<std::byte> next(size_t bytes) {
    std::vector<std::byte>& buffer = buffers_[turn_];
    buffer.resize(bytes);
    return buffer;
  }
  void send() {
    wait();
    writing_ = std::async(std::launch::async, [this, turn = turn_] { writer_.write(buffers_[turn]); });
    turn_ ^= 1;
  }
  void wait() {
    if (writing_.valid()) writing_.get();
  }

 private:
  GgufWriter& writer_;
  std::vector<std::byte> buffers_[2];
  size_t turn_ = 0;
  std::future<void> writing_;
};

void write_tensors(GgufWriter& writer, std::span<const TensorPlan> plans, const Filler& filler,
                   const SynthesisOptions& options, uint64_t total) {
  ChunkPipe pipe(writer);
  uint64_t done = 0;
  for (const TensorPlan& plan : plans) {
    const uint64_t bytes = row_bytes(plan.type, plan.columns());
    const int64_t rows_per_chunk = static_cast<int64_t>(std::max<uint64_t>(1, kChunkBytes / bytes));
    for (int64_t row = 0; row < plan.rows(); row += rows_per_chunk) {
      // Vectors are one chunk: their values depend on the index in it.
      const int64_t rows = std::min(rows_per_chunk, plan.rows() - row);
      fill_chunk(filler, plan, row, pipe.next(static_cast<size_t>(rows) * bytes), options.threads);
      pipe.send();
      done += static_cast<uint64_t>(rows) * bytes;
      if (options.on_progress) options.on_progress(done, total);
    }
  }
  pipe.wait();
}

}  // namespace

SynthesisResult synthesize(const SynthesisOptions& options) {
  const ModelShape& shape = *options.shape;
  std::optional<SuccessorMap> map;
  if (options.accept)
    map.emplace(SuccessorOptions{shape.vocab_size, kByteTokenCount, kLowIdCount, shape.special_token_base,
                                 *options.accept, options.rare, options.seed});
  const std::vector<TensorPlan> plans = plan_tensors(shape, *options.mix, map.has_value());
  SynthesisResult result{plans.size(), 0};
  GgufWriter writer(options.path);
  add_metadata(writer, options);
  for (const TensorPlan& plan : plans) {
    writer.declare(plan.name, plan.type, plan.ne);
    result.tensor_bytes += plan.bytes();
  }
  const Filler filler(shape, plans, map ? &*map : nullptr, options.seed);
  write_tensors(writer, plans, filler, options, result.tensor_bytes);
  writer.finish();
  return result;
}

}  // namespace paceline::synth

#include "app/bench_runs.h"

#include <algorithm>
#include <chrono>

#include "base/cpu_info.h"
#include "base/error.h"
#include "base/random.h"
#include "device/step_key.h"

namespace paceline {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRowsPrompt = 64;  // what the rows of a step look back on

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

uint64_t hash_bytes(const void* bytes, size_t count) {
  uint64_t hash = 0xcbf29ce484222325ull;  // FNV-1a
  for (size_t i = 0; i < count; ++i) hash = (hash ^ static_cast<const unsigned char*>(bytes)[i]) * 0x100000001b3ull;
  return hash;
}

int64_t block_of(const std::string& name) { return name.starts_with("blk.") ? std::atoll(name.c_str() + 4) : -1; }

}  // namespace

StepCost step_cost(const GgufFile& file) {
  const std::string prefix = file.metadata().text("general.architecture") + ".";
  const auto key = [&](const char* name) {
    return file.metadata().find_integer(prefix + name, 0, 1 << 20).value_or(0);
  };
  const int64_t trunk_blocks = key("block_count") - key("nextn_predict_layers");
  const int64_t experts = key("expert_count"), used = key("expert_used_count");
  const bool own_head = file.find("output.weight") != nullptr;
  StepCost cost;
  for (const GgufTensor& tensor : file.tensors()) {
    uint64_t bytes = tensor.bytes.size(), values = static_cast<uint64_t>(tensor.rows() * tensor.cols());
    if (experts > 0 && tensor.name.find("_exps.") != std::string::npos) {
      bytes = bytes * static_cast<uint64_t>(used) / static_cast<uint64_t>(experts);
      values = values * static_cast<uint64_t>(used) / static_cast<uint64_t>(experts);
    }
    // Rows of an embedding, and a head of which drafts see a short list.
    if (tensor.name.find(".nextn.embed_tokens") != std::string::npos ||
        tensor.name.find(".nextn.shared_head_head") != std::string::npos)
      continue;
    const bool is_head = tensor.name == "output.weight" || (tensor.name == "token_embd.weight" && !own_head);
    if (is_head) cost.trunk_bytes += bytes;
    else if (tensor.name == "token_embd.weight") continue;  // rows only
    else if (block_of(tensor.name) >= trunk_blocks) cost.draft_block_bytes += bytes;
    else cost.trunk_bytes += bytes, cost.prompt_operations += 2 * values;
  }
  return cost;
}

std::vector<Token> made_up_prompt(uint64_t seed, int tokens, int vocab_size) {
  const uint64_t ids = static_cast<uint64_t>(std::min(vocab_size, 16384));
  std::vector<Token> prompt;
  for (int i = 0; i < tokens; ++i)
    prompt.push_back(static_cast<Token>(random_word(seed, static_cast<uint64_t>(i)) % ids));
  return prompt;
}

double Samples::median() const {
  if (values.empty()) return 0;
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  return (sorted[(sorted.size() - 1) / 2] + sorted[sorted.size() / 2]) / 2;
}
double Samples::lowest() const { return values.empty() ? 0 : *std::min_element(values.begin(), values.end()); }
double Samples::highest() const { return values.empty() ? 0 : *std::max_element(values.begin(), values.end()); }

Bench::Bench(Session& session, int repetitions)
    : session_(session),
      repetitions_(repetitions),
      cost_(step_cost(*session.file)),
      limits_(session.threads),
      completion_(*session.device) {}

std::vector<Token> Bench::make_prompt(int tokens) const {
  return made_up_prompt(1, tokens, session_.model->facts().vocab_size);
}

double Bench::measure_bandwidth() {
  Device& device = *session_.device;
  bandwidth_gb_s_.values.push_back(device.memory_is_host() ? limits_.read_gb_s() : device.copy_gb_s());
  return bandwidth_gb_s_.values.back();
}

double Bench::measure_int8() {
  Device& device = *session_.device;
  return device.memory_is_host() ? limits_.int8_gop_s() : device.int8_gop_s();
}

Generation Bench::generate_once(int prompt, int tokens, bool with_drafts, const std::function<void(int)>& on_prompt) {
  GeneratorOptions options = session_.options;
  options.context = prompt + tokens + 1;
  if (!with_drafts) options.drafts = options.lookup_drafts = 0, options.adapt_depth = false;
  Generator generator(*session_.device, *session_.model, options);
  SamplingParameters greedy;
  greedy.temperature = 0;
  if (on_prompt) on_prompt(0);  // not a prompt's time: a drafter makes its vocabulary once
  return generator.generate(
      make_prompt(prompt), greedy, {.max_tokens = tokens, .end_tokens = {}}, [](Token) { return true; }, on_prompt);
}

BenchResult Bench::prompt(int tokens, int depth) {
  BenchResult result;
  result.test = cat("prompt ", tokens);
  result.depth = depth;
  for (int i = 0; i < repetitions_; ++i) {
    const double int8 = measure_int8();
    // The clock starts when the chunks that cover the depth are done.
    Clock::time_point start = Clock::now();
    int measured_from = 0;
    generate_once(depth + tokens, 1, session_.options.drafts > 0, [&](int done) {
      if (done > depth) return;
      completion_.wait();
      start = Clock::now(), measured_from = done;
    });
    const double per_second = (depth + tokens - measured_from) / seconds_since(start);
    result.tokens_per_second.values.push_back(per_second);
    if (int8 <= 0) continue;
    int8_gop_s_.values.push_back(int8);
    result.peak_share.values.push_back(per_second * static_cast<double>(cost_.prompt_operations) * 1e-9 / int8);
  }
  return result;
}

BenchResult Bench::generate(int tokens, int depth, bool with_drafts) {
  BenchResult result;
  result.test =
      cat("generate ", tokens,
          !with_drafts ? ", plain"
                       : (session_.options.adapt_depth ? ", drafts auto" : cat(", drafts ", session_.options.drafts)));
  result.depth = depth;
  for (int i = 0; i < repetitions_; ++i) {
    const double bandwidth = measure_bandwidth();
    const Generation generation = generate_once(std::max(1, depth), tokens + 1, with_drafts, {});
    const SequenceStats& stats = generation.stats;
    result.tokens_per_second.values.push_back(generation.tokens_per_second());
    if (!with_drafts) {
      const double bytes = static_cast<double>(stats.passes) * static_cast<double>(cost_.trunk_bytes);
      result.gb_per_second.values.push_back(bytes * 1e-9 / generation.generation_seconds);
      if (bandwidth > 0) result.bandwidth_share.values.push_back(result.gb_per_second.values.back() / bandwidth);
    }
    result.tokens_per_pass = generation.tokens_per_pass();
    result.acceptance.clear();
    for (size_t k = 0; k < stats.drafted.size() && stats.drafted[k] > 0; ++k)
      result.acceptance.push_back(static_cast<double>(stats.accepted[k]) / static_cast<double>(stats.drafted[k]));
  }
  return result;
}

std::vector<RowsResult> Bench::rows(int first, int last) {
  Device& device = *session_.device;
  SequenceState state(device, session_.model->state_shape(kRowsPrompt + kMaxRows, kMaxRows, session_.options.kv));
  const std::vector<Token> prompt = make_prompt(kRowsPrompt);
  const OwnedTensor tokens = device.allocate(DType::I32, kMaxRows, 1);
  const OwnedTensor hidden = device.allocate(DType::F32, kMaxRows, session_.model->facts().width);
  for (int done = 0; done < kRowsPrompt; done += kMaxRows) {
    device.write(tokens, prompt.data() + done);
    const Segment segment{&state, 0, kMaxRows, done, Phase::Prompt};
    const Batch batch{tokens, std::span(&segment, 1)};
    begin_steps(batch);
    session_.model->forward(batch, hidden);
    state.commit(kMaxRows);
  }
  std::vector<RowsResult> results;
  for (int rows = first; rows <= last; ++rows) results.push_back(measure_rows(state, rows));
  return results;
}

// Steps of `rows` rows of which none is kept: the state stays as it is.
RowsResult Bench::measure_rows(SequenceState& state, int rows) {
  Device& device = *session_.device;
  Model& model = *session_.model;
  const int vocab_size = model.facts().vocab_size;
  const OwnedTensor tokens = device.allocate(DType::I32, rows, 1),
                    hidden = device.allocate(DType::F32, rows, model.facts().width);
  const OwnedTensor logits = device.allocate(DType::F32, rows, vocab_size);
  device.write(tokens, make_prompt(rows).data());
  RowsResult result;
  result.rows = rows;
  constexpr int kSteps = 3;  // per sample
  for (int i = 0; i < repetitions_; ++i) {
    measure_bandwidth();
    const Clock::time_point start = Clock::now();
    for (int step = 0; step < kSteps; ++step) {
      const Segment segment{&state, 0, rows, state.length(), Phase::Generate};
      const Batch batch{tokens, std::span(&segment, 1)};
      begin_steps(batch);
      StepKey key(batch.segments);
      key.with(&model).with(tokens).with(hidden).with(logits);
      device.run(key.value(), batch.segments, [&] {
        model.forward(batch, hidden);
        model.logits(logits, hidden);
      });
      state.commit(0);
    }
    completion_.wait();
    const double seconds = seconds_since(start) / kSteps;
    result.milliseconds.values.push_back(seconds * 1e3);
    result.gb_per_second.values.push_back(static_cast<double>(cost_.trunk_bytes) * 1e-9 / seconds);
  }
  std::vector<float> row(static_cast<size_t>(vocab_size));
  device.read(row.data(), logits.row_range(0, 1));
  result.logits_hash = hash_bytes(row.data(), row.size() * sizeof(float));
  return result;
}

}  // namespace paceline

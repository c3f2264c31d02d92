#pragma once
// The measurements of `paceline bench`: prompt, generation with and without drafts, and steps of several rows. Each is repeated, and each
// repetition stands beside the memory's bandwidth and int8 peak at that moment, because shared machines change from minute to
// minute. Text is greedy from made-up prompts, so the same file does the same work every time.
#include <string>
#include <vector>

#include "app/session.h"
#include "base/machine_limits.h"

namespace paceline {

// Weight bytes and multiply-adds that a step needs, as they are in the file; of experts, those of one token.
struct StepCost {
  uint64_t trunk_bytes = 0;  // with the output head
  uint64_t draft_block_bytes = 0;  // without a head: drafts look at a short list of its rows
  uint64_t prompt_operations = 0;  // of one prompt token, without the head
};
StepCost step_cost(const GgufFile& file);

// Tokens that mean nothing, of the lowest ids (those `synth --accept` maps); the same for the same seed.
std::vector<Token> made_up_prompt(uint64_t seed, int tokens, int vocab_size);

struct Samples {
  std::vector<double> values;
  double median() const;
  double lowest() const;
  double highest() const;
};

struct BenchResult {
  std::string test;  // "prompt 512", "generate 64, drafts auto"
  int depth = 0;
  Samples tokens_per_second;
  Samples gb_per_second;  // of weights
  Samples bandwidth_share;  // of the bandwidth measured beside it
  Samples peak_share;  // prompts: of the int8 peak measured beside it; empty where that is unknown
  double tokens_per_pass = 0;
  std::vector<double> acceptance;  // by position
};

struct RowsResult {
  int rows = 0;
  Samples milliseconds;
  Samples gb_per_second;
  uint64_t logits_hash = 0;  // of the first row: the same for every row count
};

// A device may run ahead of the host; what is timed ends when it has done all that was asked of it.
class Completion {
 public:
  explicit Completion(Device& device) : device_(device), value_(device.allocate(DType::F32, 1, 1)) {}
  void wait() {
    float value;
    device_.read(&value, value_);
  }

 private:
  Device& device_;
  OwnedTensor value_;
};

// An SVG picture of a rows table, which is not empty.
std::string rows_chart(const std::string& model, const std::string& machine, const std::vector<RowsResult>& rows);

class Bench {
 public:
  Bench(Session& session, int repetitions);

  BenchResult prompt(int tokens, int depth);
  BenchResult generate(int tokens, int depth, bool with_drafts);
  std::vector<RowsResult> rows(int first, int last);

  // Of the host's memory reading, of a device's own memory copying.
  double bandwidth_gb_s() const { return bandwidth_gb_s_.median(); }
  double int8_gop_s() const { return int8_gop_s_.median(); }

  static constexpr int kMaxRows = 16;

 private:
  std::vector<Token> make_prompt(int tokens) const;
  Generation generate_once(int prompt, int tokens, bool with_drafts, const std::function<void(int)>& on_prompt);
  double measure_bandwidth();
  double measure_int8();  // 0: not known
  RowsResult measure_rows(SequenceState& state, int rows);

  Session& session_;
  int repetitions_;
  StepCost cost_;
  MachineLimits limits_;
  Completion completion_;
  Samples bandwidth_gb_s_, int8_gop_s_;
};

}  // namespace paceline

#pragma once
// One answer at a time: prompt in, tokens out through a callback, with limits and timings; a prompt may start where an earlier one left off
// (prefix_use.h). What `complete` and the terminal chat use; many requests at once are the scheduler's business. Owns the runner and, when
// drafting, the model's draft head as drafter.
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/lookup_drafter.h"
#include "engine/prefix_use.h"
#include "engine/scheduler.h"

namespace paceline {

struct GeneratorOptions {
  int context = 8192;  // positions of a sequence
  int max_prompt_rows = 512;  // prompt chunk
  int drafts = 0;  // per round at most, 0 … kMaxDrafts; needs a model with a draft head
  bool adapt_depth = false;  // let the policy (speculation_policy.h) choose the depth of each round, 0 … drafts
  int lookup_drafts = 0;  // copied from the text per round at most, 0 … kMaxLookupDrafts; any model
  SpeculationKnowledge known{};  // of this model on this machine, learned before
  int plain_rounds = 0;  // the first so many rounds draft nothing, so that the gain of drafts can be told
  KvTypes kv;
  int64_t prefix_cache_bytes = 0;  // what a prompt leaves for the next ones; 0: nothing, < 0: as EngineOptions
};

struct GenerationLimits {
  int max_tokens = -1;  // < 0: until the context is full
  std::span<const Token> end_tokens;  // sorted; generation stops after one, which is not handed out
  std::span<const int> stable_positions{};  // of the prompt, as Request::stable_positions
  const std::atomic<bool>* stop = nullptr;  // set by others: ends prompt or answer after the pass that is running
};

// What the callback sees of a token; anything that takes a Token takes it too.
struct GeneratedToken {
  Token id = 0;
  bool was_draft = false;  // guessed and accepted
  operator Token() const { return id; }
};

enum class StopReason { EndToken, MaxTokens, ContextFull, Cancelled };

struct Generation {
  std::vector<Token> output;  // as handed to the callback
  StopReason reason = StopReason::MaxTokens;
  SequenceStats stats;
  int prompt_tokens = 0;
  int cached_tokens = 0;  // of the prompt, left by earlier ones
  double prompt_seconds = 0;  // until the first token is chosen: the time to first token
  double generation_seconds = 0;  // from the first token to the last
  bool drafting_paused = false;  // at the end, plain decoding was the faster choice

  // Of the tokens that were read.
  double prompt_tokens_per_second() const;
  double tokens_per_second() const;
  double tokens_per_pass() const;
};

class Generator {
 public:
  // Throws Error when drafts are asked of a model without a draft head.
  Generator(Device& device, Model& model, const GeneratorOptions& options);

  // The rows a model must be loaded for (ModelOptions::max_batch_rows).
  static int model_rows(const GeneratorOptions& options) { return max_batch_rows(runner_options(options)); }
  // The widest passes it runs.
  static RunnerOptions runner_options(const GeneratorOptions& options);

  // on_token is called for each token in order as soon as its pass is over; false stops. on_prompt with the number of prompt tokens done.
  Generation generate(std::span<const Token> prompt, const SamplingParameters& parameters,
                      const GenerationLimits& limits, const std::function<bool(GeneratedToken)>& on_token,
                      const std::function<void(int)>& on_prompt = {});

  // The rate without drafts: the median of this generator's last plain rounds; 0 as long as there was none.
  double plain_tokens_per_second() const;
  // Seconds of steps and ids so far, to be `known` to another generator.
  SpeculationKnowledge learned() const;

 private:
  // Throws Error for a prompt that does not fit.
  Sequence& start(std::span<const Token> prompt, const SamplingParameters& parameters);
  // Runs the prompt, from where an earlier one left off; false: stopped.
  bool read_prompt(Candidate& candidate, const GenerationLimits& limits, const std::function<void(int)>& on_prompt);
  // One step, planned and timed; `most_drafts` of a round.
  void step(Candidate& candidate, int most_drafts);

  Device& device_;
  Model& model_;
  GeneratorOptions options_;
  std::optional<MtpDrafter> head_;
  std::optional<LookupDrafter> drafter_;
  std::optional<Runner> runner_;
  std::optional<PrefixCache> cache_;
  PrefixUse prefix_;
  Scheduler scheduler_;
  std::vector<Sequence*> step_;
  std::optional<Sequence> sequence_;  // of the last answer: its memory serves the next one
  int rounds_ = 0;
  SpeculationHistory history_;  // kept from answer to answer
};

}  // namespace paceline

#include "engine/generator.h"

#include <algorithm>
#include <chrono>

#include "base/memory_info.h"
#include "engine/engine.h"

namespace paceline {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

bool is_stopped(const GenerationLimits& limits) { return limits.stop != nullptr && limits.stop->load(); }

// Hands out the tokens beyond output.size(), those of one pass: all but the last were drafts. Returns the reason to stop, if any.
std::optional<StopReason> hand_out(const Sequence& sequence, const GenerationLimits& limits,
                                   const std::function<bool(GeneratedToken)>& on_token, std::vector<Token>& output) {
  for (size_t i = output.size(); i < sequence.output().size(); ++i) {
    const Token token = sequence.output()[i];
    if (std::binary_search(limits.end_tokens.begin(), limits.end_tokens.end(), token)) return StopReason::EndToken;
    output.push_back(token);
    if (!on_token({token, i + 1 < sequence.output().size()})) return StopReason::Cancelled;
    if (static_cast<int>(output.size()) == limits.max_tokens) return StopReason::MaxTokens;
  }
  if (sequence.is_full()) return StopReason::ContextFull;
  if (is_stopped(limits)) return StopReason::Cancelled;
  return std::nullopt;
}

}  // namespace

double Generation::prompt_tokens_per_second() const {
  return prompt_seconds > 0 ? (prompt_tokens - cached_tokens) / prompt_seconds : 0;
}

double Generation::tokens_per_second() const {
  return generation_seconds > 0 ? static_cast<double>(stats.generated) / generation_seconds : 0;
}

double Generation::tokens_per_pass() const {
  return stats.passes > 0 ? static_cast<double>(stats.generated) / static_cast<double>(stats.passes) : 0;
}

RunnerOptions Generator::runner_options(const GeneratorOptions& options) {
  return {.max_prompt_rows = options.max_prompt_rows,
          .max_sequences = 1,
          .max_drafts = std::max(options.drafts, options.lookup_drafts)};
}

Generator::Generator(Device& device, Model& model, const GeneratorOptions& options)
    : device_(device),
      model_(model),
      options_(options),
      scheduler_({.max_sequences = 1, .max_prompt_rows = options.max_prompt_rows, .known_times = options.known.times}) {
  PACELINE_ASSERT(options.drafts >= 0 && options.drafts <= kMaxDrafts);
  PACELINE_ASSERT(options.lookup_drafts >= 0 && options.lookup_drafts <= kMaxLookupDrafts);
  if (options.drafts > 0 && !model.facts().has_draft_head)
    fail("the model has no MTP head (", model.facts().architecture, ", nextn_predict_layers 0), expected one for ",
         options.drafts, " drafts");
  if (options.drafts > 0) {
    head_.emplace(device, model, runner_options(options));
    head_->learn(options.known.draft_ids);
  }
  drafter_.emplace(head_ ? &*head_ : nullptr);
  runner_.emplace(device, model, &*drafter_, runner_options(options));
  const uint64_t cache_bytes =
      cache_limit_bytes(options.prefix_cache_bytes, Engine::slot_memory(available_memory_bytes()));
  if (cache_bytes > 0) cache_.emplace(device, cache_bytes);
}

void Generator::step(Candidate& candidate, int most_drafts) {
  const bool in_prompt = candidate.sequence->in_prompt();
  candidate.limits = {std::min(options_.drafts, most_drafts), std::min(options_.lookup_drafts, most_drafts),
                      options_.adapt_depth};
  if (!in_prompt && rounds_ < options_.plain_rounds) {
    ++rounds_;
    candidate.limits = {};
  }
  Candidate* const running[] = {&candidate};
  scheduler_.plan(running, step_);
  runner_->step(step_);
  scheduler_.record(runner_->seconds());
}

SpeculationKnowledge Generator::learned() const {
  return {scheduler_.times_of_one(), head_ ? head_->vocabulary().learned() : options_.known.draft_ids};
}

double Generator::plain_tokens_per_second() const {
  return scheduler_.times().verify.measured(1) ? 1 / scheduler_.times().verify.seconds(1) : 0;
}

Sequence& Generator::start(std::span<const Token> prompt, const SamplingParameters& parameters) {
  if (!sequence_) {
    const StateShape shape = model_.state_shape(options_.context, 1 + runner_options(options_).max_drafts, options_.kv);
    return sequence_.emplace(device_, model_, shape, prompt, parameters);
  }
  check_prompt(prompt, options_.context, model_.facts().vocab_size);
  sequence_->restart(prompt, parameters);
  return *sequence_;
}

bool Generator::read_prompt(Candidate& candidate, const GenerationLimits& limits,
                            const std::function<void(int)>& on_prompt) {
  const Sequence& sequence = *candidate.sequence;
  while (sequence.in_prompt()) {
    candidate.prompt_end = prefix_.prompt_end();
    step(candidate, 0);
    prefix_.keep_prompt(sequence);
    if (on_prompt) on_prompt(sequence.state.length());
    if (is_stopped(limits)) break;
  }
  return !sequence.in_prompt();
}

Generation Generator::generate(std::span<const Token> prompt, const SamplingParameters& parameters,
                               const GenerationLimits& limits, const std::function<bool(GeneratedToken)>& on_token,
                               const std::function<void(int)>& on_prompt) {
  Generation result;
  result.prompt_tokens = static_cast<int>(prompt.size());
  if (limits.max_tokens == 0) return result;
  Sequence& sequence = start(prompt, parameters);
  // A round ends with the answer, so that nothing behind its end is kept with it.
  sequence.stop_tokens.assign(limits.end_tokens.begin(), limits.end_tokens.end());
  Candidate candidate{&sequence, history_.carried_over(), {}, 0};

  auto start = Clock::now();
  result.cached_tokens = prefix_.start(cache_ ? &*cache_ : nullptr, sequence, limits.stable_positions);
  const bool is_read = read_prompt(candidate, limits, on_prompt);
  result.prompt_seconds = seconds_since(start);
  if (!is_read) {
    result.reason = StopReason::Cancelled;
    return result;
  }

  start = Clock::now();
  std::optional<StopReason> reason = hand_out(sequence, limits, on_token, result.output);
  while (!reason) {
    const int left =
        limits.max_tokens < 0 ? kMaxLookupDrafts : limits.max_tokens - static_cast<int>(result.output.size()) - 1;
    step(candidate, left);
    reason = hand_out(sequence, limits, on_token, result.output);
  }
  result.generation_seconds = seconds_since(start);
  result.reason = *reason;
  result.stats = sequence.stats;
  result.drafting_paused = options_.drafts > 0 && scheduler_.paused();
  history_ = candidate.history;
  prefix_.keep_answer(sequence, head_ ? &*head_ : nullptr);
  return result;
}

}  // namespace paceline

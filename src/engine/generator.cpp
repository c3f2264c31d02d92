#include "engine/generator.h"

#include <algorithm>
#include <chrono>

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

double Generation::tokens_per_second() const {
  return generation_seconds > 0 ? static_cast<double>(stats.generated) / generation_seconds : 0;
}

double Generation::tokens_per_pass() const {
  return stats.passes > 0 ? static_cast<double>(stats.generated) / static_cast<double>(stats.passes) : 0;
}

RunnerOptions Generator::runner_options(const GeneratorOptions& options) {
  return {.max_prompt_rows = options.max_prompt_rows, .max_sequences = 1, .max_drafts = options.drafts};
}

Generator::Generator(Device& device, Model& model, const GeneratorOptions& options)
    : device_(device), model_(model), options_(options) {
  PACELINE_ASSERT(options.drafts >= 0 && options.drafts <= kMaxDrafts);
  if (options.drafts > 0 && !model.facts().has_draft_head)
    fail("the model has no MTP head (", model.facts().architecture, ", nextn_predict_layers 0), expected one for ",
         options.drafts, " drafts");
  if (options.drafts > 0) drafter_.emplace(device, model, runner_options(options));
  runner_.emplace(device, model, drafter_ ? &*drafter_ : nullptr, runner_options(options));
}

void Generator::round(Sequence& sequence, DepthPolicy& policy, AcceptanceAverages& acceptance, int most_drafts) {
  int depth = options_.adapt_depth ? policy.choose(times_, acceptance, most_drafts) : most_drafts;
  if (rounds_ < options_.plain_rounds) depth = 0, ++rounds_;
  const int before = sequence.length();
  Sequence* const sequences[] = {&sequence};
  sequence.draft_budget = depth;
  const auto start = Clock::now();
  runner_->step(sequences);
  const int drafted = static_cast<int>(sequence.drafts.size());
  times_.record(drafted, seconds_since(start));
  acceptance.record(drafted, sequence.length() - before - 1);
}

double Generator::plain_tokens_per_second() const { return times_.measured(0) ? 1 / times_.seconds(0) : 0; }

Generation Generator::generate(std::span<const Token> prompt, const SamplingParameters& parameters,
                               const GenerationLimits& limits, const std::function<bool(GeneratedToken)>& on_token,
                               const std::function<void(int)>& on_prompt) {
  Generation result;
  result.prompt_tokens = static_cast<int>(prompt.size());
  if (limits.max_tokens == 0) return result;
  Sequence sequence(device_, model_, model_.state_shape(options_.context, 1 + options_.drafts, options_.kv), prompt,
                    parameters);
  Sequence* const sequences[] = {&sequence};

  auto start = Clock::now();
  while (sequence.in_prompt()) {
    runner_->step(sequences);
    if (on_prompt) on_prompt(sequence.state.length());
    if (is_stopped(limits)) break;
  }
  result.prompt_seconds = seconds_since(start);
  if (sequence.in_prompt()) {
    result.reason = StopReason::Cancelled;
    return result;
  }

  DepthPolicy policy;
  AcceptanceAverages acceptance;
  start = Clock::now();
  std::optional<StopReason> reason = hand_out(sequence, limits, on_token, result.output);
  while (!reason) {
    const int left =
        limits.max_tokens < 0 ? kMaxDrafts : limits.max_tokens - static_cast<int>(result.output.size()) - 1;
    round(sequence, policy, acceptance, std::min(options_.drafts, left));
    reason = hand_out(sequence, limits, on_token, result.output);
  }
  result.generation_seconds = seconds_since(start);
  result.reason = *reason;
  result.stats = sequence.stats;
  result.drafting_paused = policy.paused();
  return result;
}

}  // namespace paceline

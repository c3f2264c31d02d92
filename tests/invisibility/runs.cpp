#include "invisibility/runs.h"

#include <algorithm>
#include <cstring>

#include "support/hash_bits.h"

namespace paceline::invisibility {

namespace {

RunnerOptions runner_options(int chunk) {
  return {.max_prompt_rows = chunk, .max_sequences = 1, .max_drafts = kMaxLookupDrafts};
}

}  // namespace

SamplingParameters sampling(float temperature) {
  SamplingParameters parameters;
  parameters.temperature = temperature;
  parameters.seed = 42;
  if (temperature > 0) {
    parameters.repeat_penalty = 1.1f;
    parameters.presence_penalty = 0.2f;
    parameters.frequency_penalty = 0.1f;
  }
  return parameters;
}

std::vector<Token> make_prompt(const Model& model, int length) {
  constexpr int kPeriod = 150;
  const uint64_t ids = static_cast<uint64_t>(std::min(model.facts().vocab_size, 16384));
  std::vector<Token> prompt;
  for (int i = 0; i < length; ++i)
    prompt.push_back(static_cast<Token>(random_word(7, static_cast<uint64_t>(i % kPeriod)) % ids));
  return prompt;
}

LoadedModel::LoadedModel(const std::string& path, Device& on)
    : file(GgufFile::open(path)),
      device(on),
      model(load_model(file, on, {.max_batch_rows = max_batch_rows(runner_options(512)), .on_progress = {}})) {}

Recording generate(LoadedModel& loaded, const Settings& settings, Drafter* drafter,
                   const std::vector<int>& drafts_per_round, RoundCounts* counts) {
  Model& model = *loaded.model;
  Sequence sequence(
      loaded.device, model,
      model.state_shape(kLongestPrompt + kGenerated + kMaxLookupDrafts + 1, 1 + kMaxLookupDrafts, settings.kv),
      make_prompt(model, settings.prompt_length), sampling(settings.temperature));
  Runner runner(loaded.device, model, drafter, runner_options(settings.chunk));
  Recording recording;
  std::map<int, uint64_t> hashes;
  if (settings.heard)
    runner.on_logits = [&](const Sequence&, int position, std::span<const float> logits, Token) {
      hashes[position] = test::hash_bits(logits);
    };

  Sequence* const sequences[] = {&sequence};
  for (size_t round = 0; sequence.output().size() < kGenerated;) {
    const bool generating = !sequence.in_prompt();
    const size_t before = sequence.output().size();
    sequence.draft_budget = generating ? drafts_per_round[round++ % drafts_per_round.size()] : 0;
    sequence.lookup_budget = settings.lookup;
    runner.step(sequences);
    if (generating && counts != nullptr)
      ++(*counts)[{static_cast<int>(sequence.drafts.size()), static_cast<int>(sequence.output().size() - before) - 1}];
  }
  recording.output.assign(sequence.output().begin(), sequence.output().begin() + kGenerated);
  for (int i = 0; i < kGenerated && settings.heard; ++i)
    recording.logit_hashes.push_back(hashes.at(sequence.prompt_length + i));
  return recording;
}

std::string difference(const Recording& got, const Recording& want) {
  for (size_t i = 0; i < want.output.size(); ++i) {
    if (!got.logit_hashes.empty() && got.logit_hashes[i] != want.logit_hashes[i])
      return cat("logit bits of output token ", i, " differ");
    if (got.output[i] != want.output[i])
      return cat("output token ", i, " is ", got.output[i], ", expected ", want.output[i]);
  }
  return "";
}

ScriptedDrafter::ScriptedDrafter(const Recording& plain, int vocab_size, uint64_t order)
    : plain_(plain), vocab_size_(vocab_size) {
  for (int drafted = 0; drafted <= kMaxDrafts; ++drafted)
    for (int accepted = 0; accepted <= drafted; ++accepted) script_.emplace_back(drafted, accepted);
  for (const int drafted : {kMaxDrafts + 1, 10, kMaxLookupDrafts})
    for (const int accepted : {0, 1, drafted / 2, drafted}) script_.emplace_back(drafted, accepted);
  std::sort(script_.begin(), script_.end(), [&](const auto& a, const auto& b) {
    const auto key = [&](const auto& pair) {
      return random_word(order, static_cast<uint64_t>(pair.first), static_cast<uint64_t>(pair.second));
    };
    return key(a) < key(b);
  });
}

void ScriptedDrafter::propose(std::span<Sequence* const> sequences) {
  for (Sequence* sequence : sequences) {
    const auto [drafted, accepted] = script_[round_++ % script_.size()];
    const size_t next = sequence->output().size();
    for (int i = 0; i < std::min(drafted, std::max(sequence->draft_budget, sequence->lookup_budget)); ++i) {
      const size_t at = next + static_cast<size_t>(i);
      const Token right = at < plain_.output.size() ? plain_.output[at] : 0;
      sequence->drafts.push_back(i < accepted ? right : (right + 1) % vocab_size_);
    }
  }
}

}  // namespace paceline::invisibility

#include "engine/sequence.h"

#include <algorithm>

namespace paceline {

void check_prompt(std::span<const Token> prompt, int context, int vocab_size) {
  if (prompt.empty()) fail("the prompt has no tokens, expected at least one");
  if (prompt.size() >= static_cast<size_t>(context))
    fail("the prompt has ", prompt.size(), " tokens, expected fewer than the context of ", context, " (-c)");
  for (const Token token : prompt)
    if (token < 0 || token >= vocab_size) fail("prompt token ", token, " is outside the vocabulary of ", vocab_size);
}

size_t ConfidenceTable::bucket(float confidence) {
  return static_cast<size_t>(std::clamp(static_cast<int>(confidence * kBuckets), 0, kBuckets - 1));
}

void ConfidenceTable::record(float confidence, bool accepted) {
  constexpr double kMemory = 200;  // observations of a bucket, about
  const size_t at = bucket(confidence);
  const double keep = seen_[at] < kMemory ? 1 : 1 - 1 / kMemory;
  seen_[at] = seen_[at] * keep + 1;
  accepted_[at] = accepted_[at] * keep + (accepted ? 1 : 0);
}

double ConfidenceTable::acceptance(float confidence) const {
  constexpr double kPrior = 4;  // observations that the head's own word counts for
  const size_t at = bucket(confidence);
  return (accepted_[at] + kPrior * static_cast<double>(confidence)) / (seen_[at] + kPrior);
}

Sequence::Sequence(Device& device, const Model& model, const StateShape& shape, std::span<const Token> prompt,
                   SamplingParameters sampling)
    : parameters(std::move(sampling)), state(device, shape), lookup_(shape.max_length) {
  check_prompt(prompt, shape.max_length, model.facts().vocab_size);
  // The step path allocates nothing: drafts are appended while they are being judged.
  tokens.reserve(static_cast<size_t>(shape.max_length + shape.max_generate_rows + 1));
  tokens.assign(prompt.begin(), prompt.end());
  prompt_length = static_cast<int>(prompt.size());
  drafts.reserve(static_cast<size_t>(shape.max_generate_rows));
  ahead.reserve(kMaxDrafts);
  suggestion.reserve(static_cast<size_t>(shape.max_generate_rows));
  confidences.reserve(static_cast<size_t>(shape.max_generate_rows));
  kept_hidden = device.allocate(DType::F32, shape.max_generate_rows, model.facts().width);
}

void Sequence::restart(std::span<const Token> prompt, SamplingParameters sampling) {
  PACELINE_ASSERT(!prompt.empty() && prompt.size() < static_cast<size_t>(state.shape().max_length));
  parameters = std::move(sampling);
  tokens.assign(prompt.begin(), prompt.end());
  prompt_length = static_cast<int>(prompt.size());
  stop_tokens.clear();
  constraint = nullptr;
  exhausted = false;
  state.reset();
  drafts.clear(), ahead.clear();
  draft_budget = verified_drafts = 0;
  prompt_budget = std::numeric_limits<int>::max();
  kept_count = 0;
  stats = {};
  head_drafts = lookup_budget = 0;
  least_reach = {};
  confidence = {};
  confidences.clear(), suggestion.clear();
  lookup_.clear();
}

// Where the text itself suggested the same first draft, its others cost nothing.
void Sequence::add_head_draft(Token draft, float probability) {
  drafts.push_back(draft);
  ++head_drafts;
  if (wants_confidences()) confidences.push_back(probability);
  if (drafts.size() == 1 && !suggestion.empty() && suggestion[0] == draft)
    drafts.insert(drafts.end(), suggestion.begin() + 1, suggestion.end());
}

bool Sequence::is_worth_another() const {
  const double least = least_reach[drafts.size() - 1];
  if (least <= 0) return true;
  double reach = 1;
  for (const float of_draft : confidences) reach *= confidence.acceptance(of_draft);
  return reach >= least;
}

// A row that is not numbers proves nothing: what follows it was made from a token that was not chosen. Behind the end nothing follows either.
void Sequence::take_ahead(std::span<const int32_t> words) {
  for (size_t i = 0; i < ahead.size(); ++i) {
    const ChosenDraft draft(words.subspan(static_cast<size_t>(ahead[i]) * kDraftWords, kDraftWords));
    if (draft.is_choice()) add_head_draft(draft.token, draft.probability);
    const bool goes_on = draft.is_choice() && !is_stop(draft.token);
    if (!goes_on) draft_budget = static_cast<int>(drafts.size());
    if (!goes_on || (i + 1 < ahead.size() && !is_worth_another())) break;
  }
  ahead.clear();
}

LookupMatch Sequence::find_repetition() {
  lookup_.update(tokens);
  return lookup_.find(tokens);
}

}  // namespace paceline

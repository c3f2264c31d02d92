// Drafts on a device whose memory is not the host's. It chooses them itself, from lists of candidates, and the next pass of the head takes them from
// where they lie. The host looks at a draft only where it has a say in what comes next.
#include <algorithm>

#include "engine/mtp_drafter.h"

namespace paceline {

namespace {

constexpr double kRare = 1e-6;  // a reach below it ends a chain seldom enough to have made the rest of it in vain

// A function of the sequence alone, so that its drafts are.
bool device_chooses(const Sequence& sequence) {
  return sequence.constraint == nullptr && !sequence.parameters.changes_logits();
}

DraftRule rule_of(const Sequence& sequence) {
  const SamplingParameters& p = sequence.parameters;
  if (!device_chooses(sequence)) return {};
  return {p.temperature, p.top_k, p.top_p, p.min_p, p.seed, int64_t{sequence.length()} + sequence.draft_count()};
}

// Whether the host decides what follows the draft that was just made: how to choose it, whether there is another, what the text says to it.
bool needs_host(const Sequence& sequence) {
  const int depth = sequence.draft_count();
  const bool is_last = depth >= sequence.draft_budget;
  if (!device_chooses(sequence) || (depth == 1 && !sequence.suggestion.empty())) return true;
  return !is_last && sequence.least_reach[static_cast<size_t>(depth) - 1] >= kRare;
}

}  // namespace

void MtpDrafter::make_drafts() {
  const int count = static_cast<int>(chain_.size());
  shown_.show(vocabulary_.logits(hidden_.row_range(full_from_, count)));
  if (device_.memory_is_host()) return choose_drafts();
  rankings_.clear(), rules_.clear();
  for (const Sequence* sequence : chain_) {
    rankings_.push_back(Sampler::ranking(sequence->parameters,
                                         static_cast<size_t>(sequence->length() + sequence->draft_count()),
                                         sequence->constraint != nullptr));
    rules_.push_back(rule_of(*sequence));
  }
  const Tensor lists = shown_.list(vocabulary_.device_ids(), rankings_);
  device_.choose_drafts(drafted_.row_range(drafted_count_, count), lists, rules_);
  bool is_needed = static_cast<bool>(on_draft_logits), is_host_choice = false;
  for (Sequence* sequence : chain_) {
    sequence->ahead.push_back(drafted_count_++);
    is_needed |= needs_host(*sequence);
    is_host_choice |= !device_chooses(*sequence);
  }
  if (is_needed) look_at_drafts(is_host_choice);
}

// One wait for all drafts since the last one, with the lists only where the host chooses from them.
void MtpDrafter::look_at_drafts(bool is_host_choice) {
  const Tensor drafts = drafted_.row_range(known_count_, drafted_count_ - known_count_);
  int32_t* const words = drafted_words_.data() + static_cast<size_t>(known_count_) * kDraftWords;
  known_count_ = drafted_count_;
  if (is_host_choice) std::ranges::copy(shown_.read(drafts), words);
  else device_.read(words, drafts);
  for (size_t i = 0; i < chain_.size(); ++i) {
    Sequence& sequence = *chain_[i];
    const int row = static_cast<int>(i);
    if (on_draft_logits) on_draft_logits(sequence, shown_.row(row));
    if (device_chooses(sequence)) {
      sequence.take_ahead(drafted_words_);
      continue;
    }
    sequence.ahead.clear();
    choose_draft(sequence, row);
  }
}

}  // namespace paceline

#include "engine/lookup_drafter.h"

namespace paceline {

void LookupDrafter::observe_prompt(Sequence& sequence, int first_position, Tensor hidden) {
  if (head_ != nullptr) head_->observe_prompt(sequence, first_position, hidden);
}

void LookupDrafter::propose(std::span<Sequence* const> sequences) {
  for (Sequence* sequence : sequences) {
    sequence->suggestion.clear();
    if (sequence->lookup_budget == 0) continue;
    const LookupMatch match = sequence->repetition;
    if (match.length == 0) continue;
    const bool alone = match.length >= LookupIndex::kAlone;
    LookupIndex::append(sequence->tokens, match, sequence->lookup_budget,
                        alone ? sequence->drafts : sequence->suggestion);
    if (alone) sequence->draft_budget = 0;
  }
  if (head_ != nullptr) head_->propose(sequences);
}

}  // namespace paceline

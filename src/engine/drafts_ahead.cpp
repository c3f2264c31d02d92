// Chains of drafts that need the host for nothing: the best token of a list is the next pass's input where it lies. The host reads all lists
// at the end and takes the drafts by the same rules, so that they are those it would have chosen one by one.
#include <algorithm>
#include <numeric>

#include "engine/mtp_drafter.h"

namespace paceline {

bool MtpDrafter::may_run_ahead() const {
  if (device_.memory_is_host() || on_draft_logits || chain_.empty()) return false;
  constexpr double kRare = 1e-6;  // a reach below it ends a chain seldom enough to have made the rest of it in vain
  const int depth = chain_.front()->draft_budget;
  return depth > 1 && std::all_of(chain_.begin(), chain_.end(), [&](const Sequence* sequence) {
           const bool takes_largest = sequence->parameters.temperature <= 0 && !sequence->parameters.changes_logits() &&
                                      sequence->constraint == nullptr;
           const auto& least = sequence->least_reach;
           const bool goes_on = sequence->suggestion.empty() && *std::max_element(least.begin(), least.end()) < kRare;
           return takes_largest && goes_on && sequence->draft_budget == depth;
         });
}

void MtpDrafter::run_ahead() {
  const int count = static_cast<int>(chain_.size()), depth = chain_.front()->draft_budget;
  begin_batch();
  for (int i = 0; i < count; ++i)
    segments_.push_back({&chain_[static_cast<size_t>(i)]->state, i, 1, 0, Phase::Generate});
  rows_.resize(static_cast<size_t>(count));
  std::iota(rows_.begin(), rows_.end(), 0);
  rankings_.assign(static_cast<size_t>(count), {});
  for (int drafted = 0; drafted < depth; ++drafted) {
    const Tensor logits = vocabulary_.logits(hidden_.row_range(full_from_, count));
    if (drafted == 0) shown_.show(logits);
    const Tensor drafts = shown_.list(logits, vocabulary_.device_ids(), rankings_);
    if (drafted + 1 == depth) break;
    move_to_front(count);
    device_.gather_rows(tokens_.row_range(0, count), drafts, rows_);
    for (Segment& segment : segments_)
      segment.first_position = chain_[static_cast<size_t>(segment.first_row)]->length() + drafted - 1;
    forward(count, 0);
  }
  shown_.read_lists();
  for (int i = 0; i < count; ++i) keep_until_stop(*chain_[static_cast<size_t>(i)], i, depth);
  chain_.clear();
}

// The full rows of hidden_.
void MtpDrafter::move_to_front(int count) {
  for (int to = 0; to < count && full_from_ > 0; ++to) {
    const int row = full_from_ + to;
    device_.gather_rows(hidden_.row_range(to, 1), hidden_, std::span(&row, 1));
  }
  full_from_ = 0;
}

// A row that is not numbers proves nothing: what follows it was made from another token than the host may have chosen.
void MtpDrafter::keep_until_stop(Sequence& sequence, int chain, int depth) {
  const int count = static_cast<int>(chain_.size());
  for (int drafted = 0; drafted < depth; ++drafted) {
    const int row = drafted * count + chain;
    const auto draft = sampler_.choose(*shown_.candidates(row), sequence.parameters, sequence.tokens);
    if (!draft) return;
    keep_draft(sequence, *draft, row);
    if (sequence.is_stop(*draft) || !is_worth_another(sequence)) return;
  }
}

}  // namespace paceline

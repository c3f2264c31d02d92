#pragma once
// Drafts what followed when the end of the text stood before (lookup_index.h), beside a draft head or alone. A long match drafts up to the
// sequence's lookup_budget by itself, and the head only keeps up; a short one needs the head's first draft to agree with it, and then
// stands for the rest of the chain. Works for models without a head, where only long matches count.
#include "engine/drafter.h"

namespace paceline {

class LookupDrafter final : public Drafter {
 public:
  // `head` may be null and outlives this.
  explicit LookupDrafter(Drafter* head) : head_(head) {}

  void observe_prompt(Sequence& sequence, int first_position, Tensor hidden) override;
  void propose(std::span<Sequence* const> sequences) override;
  Tensor drafts_ahead() const override { return head_ != nullptr ? head_->drafts_ahead() : Tensor{}; }

 private:
  Drafter* head_;
};

}  // namespace paceline

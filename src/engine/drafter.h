#pragma once
// A source of guesses. Whatever it proposes, the output stays the same: drafts only decide how many tokens a pass settles.
#include <span>

#include "engine/sequence.h"

namespace paceline {

class Drafter {
 public:
  virtual ~Drafter() = default;

  // The trunk has computed `hidden`, one row for each prompt token from first_position on. Called before kept_hidden moves on.
  virtual void observe_prompt(Sequence& sequence, int first_position, Tensor hidden) {
    (void)sequence, (void)first_position, (void)hidden;
  }
  // Fills `drafts` (empty on entry) of every sequence with at most its draft_budget guesses for the tokens after its last one. Those that the
  // host need not know to go on may stay on the device, as rows in Sequence::ahead of ...
  virtual void propose(std::span<Sequence* const> sequences) = 0;
  // ... these: rows of kDraftWords words, the first of which is the token (device/candidates.h), valid until the next propose().
  virtual Tensor drafts_ahead() const { return {}; }
};

}  // namespace paceline

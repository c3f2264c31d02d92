#pragma once
// How often the drafts of one source turn out right, by depth.
#include <array>

#include "engine/sequence.h"

namespace paceline {

// Probability that the draft at a depth is accepted given that those before it were: moving averages of one sequence. A depth that has
// hardly been seen is expected to do as well as the one before it.
class AcceptanceAverages {
 public:
  static constexpr int kDeepest = kMaxLookupDrafts;

  // first_guess: what depth 1 is expected to do before anything is known.
  explicit AcceptanceAverages(double first_guess = 0.7) : first_guess_(first_guess) {}

  void record(int drafted, int accepted);
  double conditional(int depth) const;  // depth 1 … kDeepest
  // Tokens a round of `depth` drafts settles: 1 + a1 + a1 a2 + …
  double expected_tokens(int depth) const;
  // For the next text: the same averages, more easily changed.
  AcceptanceAverages carried_over() const;

 private:
  double first_guess_;
  std::array<double, kDeepest> average_{};
  std::array<int, kDeepest> counts_{};
};

}  // namespace paceline

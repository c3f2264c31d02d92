#pragma once
// Plans the drafts of a step: for each of its sequences how many by the head, how many copied from the text, and when a chain should stop
// early, so that together they settle the most tokens per second that can be expected. With one sequence the question is how deep to draft;
// with many, a draft costs what one more row costs a batch that is already that wide, so the same acceptance pays for fewer. A pure
// function of what was recorded before (acceptance by source and depth, seconds by rows) and of the repetitions at hand, so that it can be
// judged in simulation (tests/engine/speculation_policy_test.cpp).
#include <array>
#include <span>

#include "engine/acceptance.h"
#include "engine/step_times.h"

namespace paceline {

struct SpeculationLimits {
  int head_drafts = 0;  // 0 … kMaxDrafts
  int lookup_drafts = 0;  // 0 … kMaxLookupDrafts
  bool adapt = false;  // else every round asks for head_drafts, if there is no repetition
};

struct RoundPlan {
  int head_drafts = 0, lookup_drafts = 0;
  LeastReach least_reach{};
};

// What became of the drafts of one sequence, kept from text to text.
class SpeculationHistory {
 public:
  // A round: drafts by the head, drafts copied after or instead of them, how many were accepted in all.
  void record(int head_drafts, int copied, int accepted);
  // For the next sequence.
  SpeculationHistory carried_over() const;

  AcceptanceAverages head, alone{0.9},
      agreed{0.9};  // alone: long copies; agreed: short ones behind a draft of the head
  ConfidenceTable confidence;
  int copies_passed_over = 0, rounds_since_full_chain = 0;
};

// One sequence of the step.
struct PlannedRound {
  SpeculationHistory* history = nullptr;
  SpeculationLimits limits;  // of this round: no more drafts than tokens are wanted, for one
  int match_length = 0;  // tokens at the end of the text that stood before
  RoundPlan plan;  // the answer
};

class SpeculationPolicy {
 public:
  // Fills in the plans. Now and then a round is spent on what has not been tried of late: plain decoding while drafts pay, one draft while
  // they do not, the closer the race the more often.
  void plan(const StepTimes& times, std::span<PlannedRound> step);
  // Whether plain decoding was found faster than the head, for the user's information.
  bool paused() const { return paused_; }

  static constexpr int kProbeInterval = 48;
  // Rounds until one draft fewer is tried than is thought best: what a deeper chain costs is seen all the time where that is what is
  // planned, what a shallower one costs is not.
  static constexpr int kShallowInterval = 24;

 private:
  bool wants_probe(double best_rate, double probe_rate);

  int rounds_since_probe_ = 0, rounds_since_shallow_ = 0;
  bool paused_ = false;
};

}  // namespace paceline

#pragma once
// Plans the drafts of each round of one sequence: how many by the head, how many copied from the text, and when a chain should stop early,
// so that expected settled tokens per expected second are the most. A pure function of what was recorded before (acceptance by source and
// depth, confidence, seconds by depth) and of the length of the repetition at hand; what is learned goes on to the next sequence.
#include "engine/depth_policy.h"

namespace paceline {

// Of a model on a machine: rounds whose drafts the head made, and rounds whose drafts were copied. Both hold rounds without drafts.
struct SpeculationTimes {
  RoundTimes head{RoundTimes::kHeadSlope}, lookup{RoundTimes::kLookupSlope};
};

struct SpeculationLimits {
  int head_drafts = 0;  // 0 … kMaxDrafts
  int lookup_drafts = 0;  // 0 … kMaxLookupDrafts
  bool adapt = false;  // else every round asks for head_drafts, if there is no repetition
};

struct RoundPlan {
  int head_drafts = 0, lookup_drafts = 0;
  LeastReach least_reach{};
};

class SpeculationPolicy {
 public:
  // `limits` of this round: no more drafts than tokens are wanted, for one. match_length: tokens at the end of the text that stood before.
  RoundPlan plan(const SpeculationTimes& times, const SpeculationLimits& limits, int match_length);
  // What became of the round: drafts by the head, drafts copied after or instead of them, how many were accepted in all.
  void record(int head_drafts, int copied, int accepted);

  // Whether plain decoding was found faster than the head, for the user's information.
  bool paused() const { return depth_.paused(); }
  const AcceptanceAverages& head_acceptance() const { return head_; }
  // For the next sequence.
  SpeculationPolicy carried_over() const;

 private:
  struct Choice {
    int drafts = 0;
    double rate = 0;  // tokens per second
  };
  static Choice best_copy(const AcceptanceAverages& acceptance, const RoundTimes& times, double extra_seconds,
                          int most);
  void plan_head(const SpeculationTimes& times, int most, RoundPlan& plan);
  void plan_copy(const SpeculationTimes& times, const SpeculationLimits& limits, int match_length, RoundPlan& plan);

  DepthPolicy depth_;
  AcceptanceAverages head_, alone_{0.9}, agreed_{0.9};
  int copies_passed_over_ = 0, rounds_since_full_chain_ = 0;
};

// Seconds of a round go to the table that its drafts belong to; a round that mixes both belongs to none.
void record_seconds(SpeculationTimes& times, int head_drafts, int copied, double seconds);

}  // namespace paceline

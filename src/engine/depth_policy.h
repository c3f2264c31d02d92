#pragma once
// How many drafts a round should ask for: the depth that maximises expected settled tokens per expected second (goodput), 0 when plain
// decoding is faster. A pure function of what has been recorded (acceptance by depth, time by depth), so it can be judged in simulation
// (tests/engine/depth_policy_test.cpp).
#include <array>

#include "engine/latest_median.h"
#include "engine/sequence.h"

namespace paceline {

// Seconds of a round by its depth: verify pass of 1 + K rows and the drafting of K tokens together. Learned from real rounds as the median
// of the latest few, since a single round may have been interrupted; depths not seen yet are placed on a default curve through those
// that were.
class RoundTimes {
 public:
  static constexpr int kDeepest = kMaxLookupDrafts;

  // slope: the relative cost of a further row and its draft before any has been timed.
  explicit RoundTimes(double slope = kHeadSlope) : slope_(slope) {}

  void record(int depth, double seconds) { latest_[static_cast<size_t>(depth)].record(seconds); }
  double seconds(int depth) const;
  bool measured(int depth) const { return latest_[static_cast<size_t>(depth)].known(); }

  static constexpr double kHeadSlope = 0.13;  // a verify row 5 %, a draft step 8 %
  static constexpr double kLookupSlope = 0.06;  // a verify row alone

 private:
  double median(int depth) const { return latest_[static_cast<size_t>(depth)].median(); }
  double default_curve(int depth) const { return 1 + slope_ * depth; }

  double slope_;
  std::array<LatestMedian<9>, kDeepest + 1> latest_;
};

// Probability that the draft at a depth is accepted given that those before it were: moving averages of one sequence. A depth that has
// hardly been seen is expected to do as well as the one before it.
class AcceptanceAverages {
 public:
  // first_guess: what depth 1 is expected to do before anything is known.
  explicit AcceptanceAverages(double first_guess = 0.7) : first_guess_(first_guess) {}

  void record(int drafted, int accepted);
  double conditional(int depth) const;  // depth 1 … RoundTimes::kDeepest
  // Tokens a round of `depth` drafts settles: 1 + a1 + a1 a2 + …
  double expected_tokens(int depth) const;
  // For the next text: the same averages, more easily changed.
  AcceptanceAverages carried_over() const;

 private:
  double first_guess_;
  std::array<double, RoundTimes::kDeepest> average_{};
  std::array<int, RoundTimes::kDeepest> counts_{};
};

class DepthPolicy {
 public:
  // The depth of the next round, 0 … at_most. While plain decoding wins, one draft is still tried now and then, at least every
  // kProbeInterval rounds, so that a change is noticed; the closer the race, the more often.
  int choose(const RoundTimes& times, const AcceptanceAverages& acceptance, int at_most);
  // Whether plain decoding was found faster, for the user's information.
  bool paused() const { return paused_; }

  static constexpr int kProbeInterval = 48;

 private:
  int rounds_since_probe_ = 0;
  bool paused_ = false;
};

}  // namespace paceline

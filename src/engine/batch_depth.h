#pragma once
// How many drafts each request of a batch should ask for: the depths that together maximise expected settled tokens per expected second of
// the step. With one request this is the question of depth_policy.h; with many, a draft costs what one more row costs a batch that is
// already that wide, so the same acceptance pays for fewer drafts. A pure function of what has been recorded.
#include <array>
#include <span>
#include <vector>

#include "engine/depth_policy.h"

namespace paceline {

// Seconds of something by its number of rows: the median of the latest few of each count; counts not seen yet lie on a straight line
// between those that were, and beyond them on a default slope.
class RowTimes {
 public:
  // slope: cost of one more row relative to one row, where nothing is known.
  RowTimes(int most_rows, double slope);
  void record(int rows, double seconds) { latest_[static_cast<size_t>(rows)].record(seconds); }
  double seconds(int rows) const;
  bool measured(int rows) const { return latest_[static_cast<size_t>(rows)].known(); }

 private:
  double median(int rows) const { return latest_[static_cast<size_t>(rows)].median(); }
  double default_curve(int rows) const { return 1 + slope_ * (rows - 1); }

  double slope_;
  std::vector<LatestMedian<7>> latest_;
};

// What a step costs: the verify pass by its rows, and each link of the chain of drafts by the requests that take part in it.
struct StepTimes {
  explicit StepTimes(int most_sequences)
      : verify(most_sequences * (1 + kMaxDrafts), kVerifySlope), draft(most_sequences, kDraftSlope) {}

  // One round of requests that drafted `drafted` tokens each.
  void record(std::span<const int> drafted, double draft_seconds, double verify_seconds);

  RowTimes verify, draft;

 private:
  static constexpr double kVerifySlope = 0.05, kDraftSlope = 0.1;
};

// One generating request in a batch.
struct DepthChoice {
  const AcceptanceAverages* acceptance = nullptr;
  int at_most = 0;
  bool fixed = false;  // take at_most, whatever it costs
  int depth = 0;  // the answer
};

class BatchDepth {
 public:
  // Fills in depth. Now and then a round is spent on what has not been tried of late: plain decoding while drafts pay, one draft while they
  // do not.
  void choose(const StepTimes& times, std::span<DepthChoice> batch);

  static constexpr int kProbeInterval = 64;

 private:
  int rounds_since_probe_ = 0;
};

}  // namespace paceline

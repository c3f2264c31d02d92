#pragma once
// What a step costs on this machine with this model, learned from real steps: the verify pass by its rows, a link of the chain of drafts by
// the sequences that take part in it. Everything that decides how much to draft asks here.
#include <cstdint>
#include <span>
#include <vector>

#include "engine/latest_median.h"
#include "engine/sequence.h"

namespace paceline {

// Seconds of something by its number of rows. Each count keeps the median of its latest few; an estimate for a count takes its own median
// for as much as it is worth (several measurements, of late) and its neighbours' for the rest, carried over along a default slope. So a
// single slow round, or one of long ago, does not decide for ever, and what has not been tried of late is expected to cost little more
// than what has.
class RowTimes {
 public:
  // slope: cost of one more row relative to one row, where nothing is known.
  RowTimes(int most_rows, double slope);

  void record(int rows, double seconds);
  // 1 … most_rows, others are taken for the nearest. Without any measurement: relative to one row.
  double seconds(int rows) const;
  bool measured(int rows) const { return points_[static_cast<size_t>(rows)].latest.known(); }
  bool any_measured() const { return !known_.empty(); }
  // The medians of another table, as one measurement each, for the counts that both have.
  void adopt(const RowTimes& other);
  double median(int rows) const { return points_[static_cast<size_t>(rows)].median; }  // only when measured
  int most_rows() const { return static_cast<int>(points_.size()) - 1; }

 private:
  struct Point {
    LatestMedian<7> latest;
    double median = 0;
    uint64_t recorded_at = 0;
  };
  struct Estimate {
    double seconds = 0;
    uint64_t made_at = 0;
  };
  double default_curve(int rows) const { return 1 + slope_ * (rows - 1); }
  double weight(const Point& point) const;
  double estimate(int rows) const;

  double slope_;
  uint64_t now_ = 1;  // counts records
  std::vector<Point> points_;  // by rows
  std::vector<int> known_;  // the measured ones
  mutable std::vector<Estimate> estimates_;
};

struct StepTimes {
  explicit StepTimes(int most_sequences = 1)
      : verify(most_sequences * (1 + kMaxLookupDrafts), kVerifySlope), draft(most_sequences, kDraftSlope) {}

  // One step of sequences that verified `rows` rows together and of which each drafted head_drafts[i] tokens with the head.
  void record(int rows, std::span<const int> head_drafts, double draft_seconds, double verify_seconds);
  void adopt(const StepTimes& other) { verify.adopt(other.verify), draft.adopt(other.draft); }
  // Of a link that `sequences` take part in; 0: nothing.
  double link(int sequences) const;

  RowTimes verify, draft;

 private:
  static constexpr double kVerifySlope = 0.05, kDraftSlope = 0.1;
  // A link of one where none has been timed, relative to a verify pass of one row.
  static constexpr double kFirstDraft = 0.08;
};

// What is learned of a model on a machine while it runs, worth keeping between runs.
struct SpeculationKnowledge {
  StepTimes times{};  // of one sequence
  std::vector<Token>
      draft_ids;  // that its texts had beyond those every draft vocabulary starts with, most frequent first
};

}  // namespace paceline

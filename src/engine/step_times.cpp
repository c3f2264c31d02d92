#include "engine/step_times.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace paceline {

namespace {

constexpr double kNeighbour = 0.05;  // weight of the next count, falling with the square of the distance
constexpr double kAlike = 8;  // rows; among more of them, neighbours are nearer: thirty cost what thirty-one do
constexpr double kHalfLife = 64;  // records until a measurement counts for half
constexpr double kLeastFreshness = 0.05;
constexpr uint64_t kStale = 24;  // records without one of a count, after which only the newest few of it are kept
constexpr int kKeptOfStale = 2;
constexpr double kTrusted = 5;  // measurements that make a median worth its full weight

}  // namespace

RowTimes::RowTimes(int most_rows, double slope)
    : slope_(slope), points_(static_cast<size_t>(most_rows) + 1), estimates_(static_cast<size_t>(most_rows) + 1) {
  known_.reserve(static_cast<size_t>(most_rows));
}

void RowTimes::record(int rows, double seconds) {
  Point& point = points_[static_cast<size_t>(std::clamp(rows, 1, most_rows()))];
  if (!point.latest.known()) known_.push_back(std::clamp(rows, 1, most_rows()));
  // The machine may have another pace by now, which a median of seven would see at the fourth measurement only; of three, a slow round
  // alone still changes nothing.
  if (point.latest.known() && now_ - point.recorded_at >= kStale) point.latest.keep(kKeptOfStale);
  point.latest.record(seconds);
  point.median = point.latest.median();
  point.recorded_at = ++now_;
}

void RowTimes::adopt(const RowTimes& other) {
  for (int rows = 1; rows <= std::min(most_rows(), other.most_rows()); ++rows)
    if (other.measured(rows)) record(rows, other.median(rows));
}

double RowTimes::weight(const Point& point) const {
  const double freshness = std::exp2(-static_cast<double>(now_ - point.recorded_at) / kHalfLife);
  return std::min(1.0, point.latest.count() / kTrusted) * std::max(kLeastFreshness, freshness);
}

double RowTimes::seconds(int rows) const {
  rows = std::clamp(rows, 1, most_rows());
  Estimate& cached = estimates_[static_cast<size_t>(rows)];
  if (cached.made_at != now_) cached = {estimate(rows), now_};
  return cached.seconds;
}

double RowTimes::estimate(int rows) const {
  if (known_.empty()) return default_curve(rows);
  double sum = 0, weights = 0;
  for (const int other : known_) {
    const Point& point = points_[static_cast<size_t>(other)];
    const double distance = (other - rows) * std::min(1.0, kAlike / rows);
    const double share = weight(point) * (other == rows ? 1 : kNeighbour / (distance * distance));
    sum += share * point.median / default_curve(other);
    weights += share;
  }
  return default_curve(rows) * sum / weights;
}

double StepTimes::link(int sequences) const {
  if (sequences == 0) return 0;
  return draft.any_measured() ? draft.seconds(sequences) : draft.seconds(sequences) * kFirstDraft * verify.seconds(1);
}

void StepTimes::record(int rows, std::span<const int> head_drafts, double draft_seconds, double verify_seconds) {
  verify.record(rows, verify_seconds);
  std::array<int, kMaxDrafts> width{};
  int links = 0;
  for (const int count : head_drafts) {
    links = std::max(links, count);
    for (int k = 0; k < count; ++k) ++width[static_cast<size_t>(k)];
  }
  // The links share the seconds in proportion to what each was expected to take.
  double expected = 0;
  for (int k = 0; k < links; ++k) expected += link(width[static_cast<size_t>(k)]);
  std::array<double, kMaxDrafts> taken{};
  for (int k = 0; k < links; ++k)
    taken[static_cast<size_t>(k)] = link(width[static_cast<size_t>(k)]) * draft_seconds / expected;
  for (int k = 0; k < links; ++k)
    if (k == 0 || width[static_cast<size_t>(k)] != width[static_cast<size_t>(k - 1)])
      draft.record(width[static_cast<size_t>(k)], taken[static_cast<size_t>(k)]);
}

}  // namespace paceline

#include "engine/depth_policy.h"

#include <algorithm>

namespace paceline {

namespace {

constexpr double kAcceptanceRate = 0.02;  // weight of the newest observation
constexpr double kProbeLoss = 0.005;
constexpr double kPriorCount = 4;  // observations that the depth before counts for, or the first guess at depth 1
constexpr int kCarriedCount = 12;  // observations that an earlier text counts for

}  // namespace

// The nearest measured depths carry their ratio to the default curve over.
double RoundTimes::seconds(int depth) const {
  if (measured(depth)) return median(depth);
  int below = depth, above = depth;
  while (below >= 0 && !measured(below)) --below;
  while (above <= kDeepest && !measured(above)) ++above;
  const auto scale = [&](int at) { return median(at) / default_curve(at); };
  if (below < 0 && above > kDeepest) return default_curve(depth);
  if (below < 0) return default_curve(depth) * scale(above);
  if (above > kDeepest) return default_curve(depth) * scale(below);
  const double share = static_cast<double>(depth - below) / (above - below);
  return default_curve(depth) * (scale(below) * (1 - share) + scale(above) * share);
}

void AcceptanceAverages::record(int drafted, int accepted) {
  for (int i = 0; i < drafted && i <= accepted; ++i) {
    const size_t at = static_cast<size_t>(i);
    const double rate = std::max(kAcceptanceRate, 1.0 / (counts_[at] + 1));
    average_[at] += rate * ((i < accepted ? 1.0 : 0.0) - average_[at]);
    if (counts_[at] < 1 << 20) ++counts_[at];
  }
}

double AcceptanceAverages::conditional(int depth) const {
  double estimate = first_guess_;
  for (size_t i = 0; i < static_cast<size_t>(depth); ++i)
    estimate = (counts_[i] * average_[i] + kPriorCount * estimate) / (counts_[i] + kPriorCount);
  return estimate;
}

double AcceptanceAverages::expected_tokens(int depth) const {
  double tokens = 1, reached = 1;
  for (int i = 1; i <= depth; ++i) tokens += reached *= conditional(i);
  return tokens;
}

AcceptanceAverages AcceptanceAverages::carried_over() const {
  AcceptanceAverages carried = *this;
  for (int& count : carried.counts_) count = std::min(count, kCarriedCount);
  return carried;
}

int DepthPolicy::choose(const RoundTimes& times, const AcceptanceAverages& acceptance, int at_most) {
  int best = 0;
  double best_rate = 0;
  for (int depth = 0; depth <= at_most; ++depth) {
    const double rate = acceptance.expected_tokens(depth) / times.seconds(depth);
    if (rate > best_rate) best = depth, best_rate = rate;
  }
  paused_ = best == 0 && at_most > 0;
  if (at_most >= 1 && !times.measured(0)) return 0;  // plain decoding is what all is compared with
  if (!paused_) {
    // Plain decoding is timed again now and then: the one round it was judged by may have been a slow one.
    if (++rounds_since_probe_ < 2 * kProbeInterval || at_most == 0) return best;
    rounds_since_probe_ = 0;
    return 0;
  }
  // A probe of one draft loses this share of a round; the interval keeps the loss of all probes at kProbeLoss.
  const double loss = 1 - acceptance.expected_tokens(1) / times.seconds(1) / best_rate;
  if (++rounds_since_probe_ < std::clamp(loss / kProbeLoss, 2.0, static_cast<double>(kProbeInterval))) return best;
  rounds_since_probe_ = 0;
  return 1;
}

}  // namespace paceline

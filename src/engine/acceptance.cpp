#include "engine/acceptance.h"

#include <algorithm>

namespace paceline {

namespace {

constexpr double kAcceptanceRate = 0.02;  // weight of the newest observation
constexpr double kPriorCount = 4;  // observations that the depth before counts for, or the first guess at depth 1
constexpr int kCarriedCount = 12;  // observations that an earlier text counts for

}  // namespace

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
  carried.first_guess_ = conditional(1);
  for (int& count : carried.counts_) count = std::min(count, kCarriedCount);
  return carried;
}

}  // namespace paceline

#include "engine/speculation_policy.h"

#include <algorithm>

namespace paceline {

namespace {

constexpr int kDeeperThanAverage =
    2;  // a chain of confident drafts may go so much beyond the depth that is best on average
constexpr int kFullChainInterval = 48;  // rounds until a chain runs to its end again, so that deeper drafts stay known
// A little patience before a chain is stopped: confidence says less than the averages do. Found on recorded traces.
constexpr double kPatience = 0.86;
constexpr int kCopyProbeInterval = 12;  // long repetitions passed over until one is tried again

}  // namespace

void record_seconds(SpeculationTimes& times, int head_drafts, int copied, double seconds) {
  if (copied == 0) times.head.record(head_drafts, seconds);
  if (head_drafts == 0) times.lookup.record(copied, seconds);
}

RoundPlan SpeculationPolicy::plan(const SpeculationTimes& times, const SpeculationLimits& limits, int match_length) {
  RoundPlan plan;
  if (limits.adapt) plan_head(times, limits.head_drafts, plan);
  else plan.head_drafts = limits.head_drafts;
  if (limits.lookup_drafts > 0 && match_length > 0 && (!limits.adapt || times.head.measured(0)))
    plan_copy(times, limits, match_length, plan);
  return plan;
}

// A further draft is worth its time when it settles more tokens in it than rounds do on average.
void SpeculationPolicy::plan_head(const SpeculationTimes& times, int most, RoundPlan& plan) {
  const int depth = depth_.choose(times.head, head_, most);
  plan.head_drafts = depth;
  if (depth == 0) return;
  const double rate = head_.expected_tokens(depth) / times.head.seconds(depth);
  constexpr double kAlways = 1e-9;  // above 0, so that confidences are noted
  plan.least_reach.fill(kAlways);
  if (++rounds_since_full_chain_ >= kFullChainInterval) {
    rounds_since_full_chain_ = 0;
    plan.head_drafts = std::min(most, depth + 1);
    return;
  }
  plan.head_drafts = std::min(most, depth + kDeeperThanAverage);
  for (int i = 1; i <= plan.head_drafts; ++i) {
    const int next = std::min(i + 1, RoundTimes::kDeepest);
    const double more = std::max(0.0, times.head.seconds(next) - times.head.seconds(i));
    plan.least_reach[static_cast<size_t>(i - 1)] = std::max(kAlways, kPatience * rate * more / head_.conditional(next));
  }
}

SpeculationPolicy::Choice SpeculationPolicy::best_copy(const AcceptanceAverages& acceptance, const RoundTimes& times,
                                                       double extra_seconds, int most) {
  Choice best;
  for (int drafts = 1; drafts <= most; ++drafts) {
    const double rate = acceptance.expected_tokens(drafts) / (times.seconds(drafts) + extra_seconds);
    if (rate > best.rate) best = {drafts, rate};
  }
  return best;
}

void SpeculationPolicy::plan_copy(const SpeculationTimes& times, const SpeculationLimits& limits, int match_length,
                                  RoundPlan& plan) {
  const int depth = std::min(plan.head_drafts, kMaxDrafts);
  const double head_rate = head_.expected_tokens(depth) / times.head.seconds(depth);
  if (match_length >= LookupIndex::kAlone) {
    const Choice copy = best_copy(alone_, times.lookup, 0, limits.lookup_drafts);
    const bool is_probe = copy.rate <= head_rate && ++copies_passed_over_ >= kCopyProbeInterval;
    if (copy.rate <= head_rate && !is_probe) return;
    copies_passed_over_ = 0;
    plan = {.head_drafts = 0, .lookup_drafts = copy.drafts};
  } else if (plan.head_drafts > 0) {
    const double draft_seconds = std::max(0.0, times.head.seconds(1) - times.lookup.seconds(1));
    const Choice copy = best_copy(agreed_, times.lookup, draft_seconds, limits.lookup_drafts);
    if (copy.rate > head_rate) plan.lookup_drafts = copy.drafts;
  }
}

void SpeculationPolicy::record(int head_drafts, int copied, int accepted) {
  if (copied == 0) head_.record(head_drafts, accepted);
  else if (head_drafts == 0) alone_.record(copied, accepted);
  else {
    head_.record(head_drafts, std::min(accepted, head_drafts));
    // Only once the agreed draft was right does it show what the copy is worth.
    agreed_.record(head_drafts + copied, accepted);
  }
}

SpeculationPolicy SpeculationPolicy::carried_over() const {
  SpeculationPolicy next = *this;
  next.head_ = head_.carried_over();
  next.alone_ = alone_.carried_over();
  next.agreed_ = agreed_.carried_over();
  return next;
}

}  // namespace paceline

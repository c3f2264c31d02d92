// The policy judged on recorded traces: at every position of a text, how many of six drafts were right and how sure the head was of each
// (bench/acceptance.cpp). Any policy can be replayed on them exactly; the seconds
// of a round are three made-up curves of the kinds that machines have.
#include "engine/speculation_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace paceline {
namespace {

struct Position {
  int right = 0;
  std::vector<float> confidences;
};

std::vector<Position> read_trace(const std::string& name) {
  std::ifstream file(PACELINE_TEST_DATA "/engine/traces/" + name + ".txt");
  std::vector<Position> trace;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    Position position;
    words >> position.right;
    for (float percent = 0; words >> percent;) position.confidences.push_back(percent / 100);
    trace.push_back(position);
  }
  EXPECT_GT(trace.size(), 50u) << name;
  return trace;
}

// Milliseconds of a round by the drafts in it, 0 … 6.
using Curve = std::array<double, kMaxDrafts + 1>;
constexpr Curve kCurves[] = {
    {20, 21.5, 23, 24.5, 26, 27.5, 29},  // a machine bound by memory
    {36.0, 41.5, 47.0, 53.0, 60.0, 66.0, 73.0},  // one in between
    {2.6, 4.0, 5.3, 6.7, 8.0, 9.4, 10.8},  // a tiny model, bound by arithmetic
};

constexpr int kTokens = 6000;

double fixed_rate(const std::vector<Position>& trace, const Curve& curve, int depth) {
  double seconds = 0;
  int tokens = 0;
  for (size_t at = 0; tokens < kTokens;) {
    const int settled = 1 + std::min(depth, trace[at].right);
    tokens += settled, at = (at + static_cast<size_t>(settled)) % trace.size();
    seconds += curve[static_cast<size_t>(depth)];
  }
  return tokens / seconds;
}

struct Replay {
  double rate = 0;
  int paused = 0;
};

// Drafts of a plan, stopped where the chain is not sure enough any more, as MtpDrafter does, or where the recorded one ended with its text.
int chain_length(const RoundPlan& plan, const ConfidenceTable& table, const Position& position) {
  const int most = std::min(plan.head_drafts, static_cast<int>(position.confidences.size()));
  double reach = 1;
  for (int depth = 1; depth <= most; ++depth) {
    reach *= table.acceptance(position.confidences[static_cast<size_t>(depth - 1)]);
    const double least = plan.least_reach[static_cast<size_t>(depth - 1)];
    if (least > 0 && reach < least) return depth;
  }
  return most;
}

Replay policy_rate(const std::vector<Position>& trace, const Curve& curve) {
  SpeculationTimes times;
  SpeculationPolicy policy;
  ConfidenceTable table;
  Replay replay;
  double seconds = 0;
  int tokens = 0;
  for (size_t at = 0; tokens < kTokens;) {
    const RoundPlan plan = policy.plan(times, {kMaxDrafts, 0, true}, 0);
    const Position& position = trace[at];
    const int drafted = chain_length(plan, table, position), accepted = std::min(drafted, position.right);
    const double spent = curve[static_cast<size_t>(drafted)];
    record_seconds(times, drafted, 0, spent);
    policy.record(drafted, 0, accepted);
    for (int i = 0; i < drafted && i <= accepted; ++i)
      if (plan.least_reach[0] > 0) table.record(position.confidences[static_cast<size_t>(i)], i < accepted);
    seconds += spent, tokens += 1 + accepted, at = (at + 1 + static_cast<size_t>(accepted)) % trace.size();
    replay.paused += policy.paused();
  }
  replay.rate = tokens / seconds;
  return replay;
}

class Traces : public testing::TestWithParam<const char*> {};

TEST_P(Traces, PolicyIsCloseToTheBestFixedDepth) {
  const std::vector<Position> trace = read_trace(GetParam());
  for (const Curve& curve : kCurves) {
    double best = 0;
    int best_depth = 0;
    for (int depth = 0; depth <= kMaxDrafts; ++depth) {
      const double rate = fixed_rate(trace, curve, depth);
      if (rate > best) best = rate, best_depth = depth;
    }
    const double share = policy_rate(trace, curve).rate / best;
    EXPECT_GE(share, 0.98) << "curve from " << curve[0] << ", best fixed depth " << best_depth;
    RecordProperty("share", std::to_string(share));
    std::printf("  %s, curve from %g ms: %.3f of the best fixed depth, %d\n", GetParam(), curve[0], share, best_depth);
  }
}

INSTANTIATE_TEST_SUITE_P(Recorded, Traces,
                         testing::Values("demo-code", "demo-devops", "demo-maths", "demo-prose", "demo-warm", "synth-0",
                                         "synth-30", "synth-70", "synth-100"),
                         [](const auto& trace) {
                           std::string name = trace.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(SpeculationPolicy, PausesTheHeadWhereItIsHopeless) {
  const Replay replay = policy_rate(std::vector<Position>(100, {0, std::vector<float>(kMaxDrafts, 0.2f)}), kCurves[0]);
  EXPECT_GT(replay.paused, kTokens * 9 / 10);
  EXPECT_GE(replay.rate, 0.98 / kCurves[0][0]);
}

// Rounds where a repetition is at hand: all or none of what it suggests is right.
double copying_rate(bool right, int& widest) {
  SpeculationTimes times;
  SpeculationPolicy policy;
  double seconds = 0;
  int tokens = 0;
  while (tokens < kTokens) {
    const RoundPlan plan = policy.plan(times, {0, kMaxLookupDrafts, true}, LookupIndex::kAlone);
    const int copied = plan.lookup_drafts, accepted = right ? copied : 0;
    const double spent = 20 + 1.2 * copied;
    record_seconds(times, 0, copied, spent);
    policy.record(0, copied, accepted);
    seconds += spent, tokens += 1 + accepted, widest = std::max(widest, copied);
  }
  return tokens / seconds;
}

TEST(SpeculationPolicy, CopiesWideWhereItIsRightAndStopsWhereItIsNot) {
  int widest = 0;
  EXPECT_GE(copying_rate(true, widest), 0.98 * 16 / (20 + 1.2 * 15));
  EXPECT_EQ(widest, kMaxLookupDrafts);
  EXPECT_GE(copying_rate(false, widest), 0.98 / 20);
}

TEST(SpeculationPolicy, ShortRepetitionsNeedTheHead) {
  SpeculationTimes times;
  SpeculationPolicy policy;
  record_seconds(times, 0, 0, 20);
  EXPECT_EQ(policy.plan(times, {0, kMaxLookupDrafts, true}, LookupIndex::kShortest).lookup_drafts, 0);
  const RoundPlan plan = policy.plan(times, {3, kMaxLookupDrafts, true}, LookupIndex::kShortest);
  EXPECT_GT(plan.head_drafts, 0);
  EXPECT_GT(plan.lookup_drafts, 3);
}

TEST(SpeculationPolicy, CarriesOverWhatItLearned) {
  SpeculationPolicy policy;
  for (int i = 0; i < 500; ++i) policy.record(3, 0, 0);
  policy = policy.carried_over();
  EXPECT_LT(policy.head_acceptance().conditional(1), 0.2);
  for (int i = 0; i < 40; ++i) policy.record(3, 0, 3);
  EXPECT_GT(policy.head_acceptance().conditional(1), 0.7) << "an earlier text counts for a few observations only";
}

TEST(ConfidenceTable, LearnsWhatTheHeadsWordIsWorth) {
  ConfidenceTable table;
  EXPECT_NEAR(table.acceptance(0.85f), 0.85, 0.01);
  for (int i = 0; i < 400; ++i) table.record(0.85f, i % 4 == 0);
  EXPECT_NEAR(table.acceptance(0.85f), 0.25, 0.03);
  EXPECT_NEAR(table.acceptance(0.15f), 0.15, 0.01);
  EXPECT_LE(table.acceptance(1.0f), 1.0);
}

}  // namespace
}  // namespace paceline

#include "engine/depth_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/random.h"

namespace paceline {
namespace {

// A machine and a text: seconds by depth, conditional acceptance by depth.
struct World {
  std::array<double, kMaxDrafts + 1> seconds;
  std::array<double, kMaxDrafts> acceptance;
};

int accepted_drafts(const World& world, uint64_t seed, uint64_t round, int drafted) {
  int accepted = 0;
  while (accepted < drafted && unit_interval(random_word(seed, round, static_cast<uint64_t>(accepted))) <
                                   world.acceptance[static_cast<size_t>(accepted)])
    ++accepted;
  return accepted;
}

double goodput_of_fixed(const World& world, int depth) {
  double tokens = 0, seconds = 0;
  for (uint64_t round = 0; round < 3000; ++round) {
    tokens += 1 + accepted_drafts(world, 1, round, depth);
    seconds += world.seconds[static_cast<size_t>(depth)];
  }
  return tokens / seconds;
}

double goodput_of_policy(const World& world, int* paused_rounds = nullptr) {
  RoundTimes times;
  AcceptanceAverages acceptance;
  DepthPolicy policy;
  double tokens = 0, seconds = 0;
  for (uint64_t round = 0; round < 3000; ++round) {
    const int depth = policy.choose(times, acceptance, kMaxDrafts);
    const int accepted = accepted_drafts(world, 1, round, depth);
    // Timings scatter by 5 %.
    const double spent =
        world.seconds[static_cast<size_t>(depth)] * (0.95 + 0.1 * unit_interval(random_word(2, round)));
    times.record(depth, spent);
    acceptance.record(depth, accepted);
    tokens += 1 + accepted;
    seconds += world.seconds[static_cast<size_t>(depth)];
    if (paused_rounds != nullptr) *paused_rounds += policy.paused();
  }
  return tokens / seconds;
}

std::array<double, kMaxDrafts + 1> curve(double verify_row, double draft) {
  std::array<double, kMaxDrafts + 1> seconds{};
  for (int depth = 0; depth <= kMaxDrafts; ++depth)
    seconds[static_cast<size_t>(depth)] = 0.02 * (1 + depth * (verify_row + draft));
  return seconds;
}

TEST(DepthPolicy, IsCloseToTheBestFixedDepth) {
  for (const double cost : {0.02, 0.08, 0.15, 0.3, 0.6})
    for (const double first : {0.0, 0.3, 0.6, 0.85, 1.0}) {
      World world{curve(cost / 2, cost / 2), {}};
      for (size_t i = 0; i < world.acceptance.size(); ++i)
        world.acceptance[i] = first * std::pow(0.95, static_cast<double>(i));
      double best = 0;
      for (int depth = 0; depth <= kMaxDrafts; ++depth) best = std::max(best, goodput_of_fixed(world, depth));
      EXPECT_GE(goodput_of_policy(world), 0.97 * best) << "cost " << cost << ", acceptance " << first;
    }
}

TEST(DepthPolicy, PausesWhereDraftsAreHopeless) {
  const World world{curve(0.1, 0.1), {}};
  int paused = 0;
  EXPECT_GE(goodput_of_policy(world, &paused), 0.98 * goodput_of_fixed(world, 0));
  EXPECT_GT(paused, 2500);
}

TEST(DepthPolicy, NoticesThatDraftsBecameGood) {
  RoundTimes times;
  AcceptanceAverages acceptance;
  DepthPolicy policy;
  World world{curve(0.05, 0.05), {}};
  int depth = 0;
  for (uint64_t round = 0; round < 12000; ++round) {
    if (round == 2000) world.acceptance.fill(0.95);
    depth = policy.choose(times, acceptance, kMaxDrafts);
    times.record(depth, world.seconds[static_cast<size_t>(depth)]);
    acceptance.record(depth, accepted_drafts(world, 3, round, depth));
  }
  EXPECT_GE(depth, 2);
}

TEST(RoundTimes, FillsGapsAlongTheCurve) {
  RoundTimes times;
  times.record(0, 1.0);
  times.record(4, 2.0);
  EXPECT_GT(times.seconds(2), 1.2);
  EXPECT_LT(times.seconds(2), 1.8);
  EXPECT_GT(times.seconds(6), 2.0);
}

TEST(AcceptanceAverages, CountsOnlyWhatWasReached) {
  AcceptanceAverages averages;
  for (int i = 0; i < 2000; ++i) averages.record(3, 1);
  EXPECT_GT(averages.conditional(1), 0.99);
  EXPECT_LT(averages.conditional(2), 0.01);
  EXPECT_EQ(averages.conditional(3), averages.conditional(2));  // never reached: nothing known of its own
  EXPECT_NEAR(averages.expected_tokens(3), 2.0, 0.02);
}

}  // namespace
}  // namespace paceline

#include "engine/step_times.h"

#include <gtest/gtest.h>

#include "engine/acceptance.h"

namespace paceline {
namespace {

constexpr double kSlope = 0.05;

void record(RowTimes& times, int rows, double seconds, int count) {
  for (int i = 0; i < count; ++i) times.record(rows, seconds);
}

TEST(RowTimes, KnowsAShapeOnlyUntilSomethingWasMeasured) {
  RowTimes times(16, kSlope);
  EXPECT_FALSE(times.any_measured());
  EXPECT_DOUBLE_EQ(times.seconds(1), 1);
  EXPECT_NEAR(times.seconds(5), 1.2, 1e-9);
  times.record(1, 0.02);
  EXPECT_TRUE(times.any_measured());
  EXPECT_NEAR(times.seconds(5), 0.024, 1e-9);
}

TEST(RowTimes, TrustsItsOwnMedianWhereItIsFresh) {
  RowTimes times(16, kSlope);
  for (int round = 0; round < 20; ++round) times.record(1, 1.0), times.record(4, 2.0);
  EXPECT_NEAR(times.seconds(1), 1.0, 0.02);
  EXPECT_NEAR(times.seconds(4), 2.0, 0.02);
  EXPECT_GT(times.seconds(2), 1.05);
  EXPECT_LT(times.seconds(2), 1.8);
  EXPECT_GT(times.seconds(8), 2.0);
}

TEST(RowTimes, OneSlowRoundDoesNotDecideForEver) {
  RowTimes times(16, kSlope);
  times.record(3, 10.0);
  record(times, 2, 1.05, 400);
  EXPECT_LT(times.seconds(3), 6);
  record(times, 3, 1.1, 5);
  EXPECT_NEAR(times.seconds(3), 1.1, 0.02);
}

TEST(RowTimes, FollowsAMachineThatBecameSlower) {
  RowTimes times(16, kSlope);
  for (int rows = 1; rows <= 8; ++rows) record(times, rows, 1.0, 7);
  record(times, 4, 3.0, 400);
  EXPECT_NEAR(times.seconds(4), 3.0, 0.1);
  EXPECT_GT(times.seconds(5), 1.8) << "its neighbours are of long ago";
}

TEST(RowTimes, ThreeMeasurementsAreEnoughWhereTheOthersAreOld) {
  RowTimes times(16, kSlope);
  record(times, 4, 3.0, 7);
  record(times, 3, 1.0, 30);
  times.record(4, 1.1);
  EXPECT_DOUBLE_EQ(times.median(4), 3.0) << "it may have been a lucky one";
  times.record(4, 1.2);
  EXPECT_DOUBLE_EQ(times.median(4), 3.0) << "the upper of an even number";
  times.record(4, 1.1);
  EXPECT_DOUBLE_EQ(times.median(4), 1.2);
}

TEST(LatestMedian, KeepsTheNewest) {
  LatestMedian<7> latest;
  for (int i = 1; i <= 9; ++i) latest.record(i);
  latest.keep(3);
  EXPECT_EQ(latest.count(), 3);
  EXPECT_DOUBLE_EQ(latest.median(), 8);
  latest.record(10), latest.record(11);
  EXPECT_DOUBLE_EQ(latest.median(), 9);
  latest.keep(0);
  EXPECT_FALSE(latest.known());
}

TEST(RowTimes, AdoptsTheMediansOfAnother) {
  RowTimes one(16, kSlope), other(128, kSlope);
  for (const double seconds : {1.0, 9.0, 2.0}) one.record(3, seconds);
  other.adopt(one);
  EXPECT_TRUE(other.measured(3));
  EXPECT_FALSE(other.measured(2));
  EXPECT_DOUBLE_EQ(other.median(3), 2.0);
}

TEST(StepTimes, LinksShareTheSecondsOfAChain) {
  StepTimes times(2);
  const int three_and_one[] = {3, 1};
  times.verify.record(1, 1.0);
  for (int i = 0; i < 20; ++i) times.record(6, three_and_one, 0.4, 2.0);
  EXPECT_NEAR(times.link(2) + 2 * times.link(1), 0.4, 0.02);
  EXPECT_EQ(times.link(0), 0);
  EXPECT_NEAR(times.verify.seconds(6), 2.0, 0.05);
}

TEST(StepTimes, StepsWithoutDraftsSayNothingOfLinks) {
  StepTimes times;
  const int none[] = {0};
  times.record(1, none, 5.0, 1.0);
  EXPECT_FALSE(times.draft.any_measured());
  EXPECT_NEAR(times.link(1), 0.08, 1e-9);
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

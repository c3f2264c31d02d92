#include "app/synth/successor_map.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/error.h"

namespace paceline::synth {
namespace {

constexpr int kVocab = 20480, kFirst = 256, kLowEnd = 16384, kOrdinaryEnd = 20416;

SuccessorMap make_map(double accept, double rare, uint64_t seed = 1) {
  return SuccessorMap({kVocab, kFirst, kLowEnd, kOrdinaryEnd, accept, rare, seed});
}

TEST(SuccessorMap, IsOneCycleThroughTheLowIds) {
  const SuccessorMap map = make_map(1, 0);
  std::set<int> seen;
  int id = 1000;
  for (int i = 0; i < kLowEnd - kFirst; ++i) {
    seen.insert(id);
    id = map.successor(id);
  }
  EXPECT_EQ(id, 1000);
  EXPECT_EQ(static_cast<int>(seen.size()), kLowEnd - kFirst);
  EXPECT_EQ(*seen.begin(), kFirst);
  EXPECT_EQ(*seen.rbegin(), kLowEnd - 1);
}

TEST(SuccessorMap, ShareRareLeadsOutsideAndBack) {
  const SuccessorMap map = make_map(1, 0.2);
  int outside = 0;
  for (int id = kFirst; id < kLowEnd; ++id) {
    const int next = map.successor(id);
    if (next < kLowEnd) continue;
    ++outside;
    EXPECT_LT(next, kOrdinaryEnd);
    EXPECT_LT(map.successor(next), kLowEnd);
  }
  EXPECT_EQ(outside, 3226);  // a fifth of 16,128
}

TEST(SuccessorMap, EveryIdLeadsIntoTheCycle) {
  const SuccessorMap map = make_map(0.5, 0.1);
  const std::set<int> cycle(map.cycle().begin(), map.cycle().end());
  for (int id = 0; id < kVocab; ++id) {
    EXPECT_TRUE(cycle.contains(map.successor(id)));
    EXPECT_EQ(map.code(id) == id, cycle.contains(id));
    EXPECT_EQ(map.trunk_predecessor(id) >= 0, cycle.contains(id));
  }
}

TEST(SuccessorMap, TheHeadAgreesOnExactlyTheWantedShare) {
  for (const double accept : {0.0, 0.3, 0.7, 1.0}) {
    const SuccessorMap map = make_map(accept, 0.1);
    int right = 0;
    std::set<int> drafted_by;
    for (const int id : map.cycle()) {
      right += map.draft_predecessor(id) == map.trunk_predecessor(id);
      drafted_by.insert(map.draft_predecessor(id));
    }
    EXPECT_EQ(right, static_cast<int>(map.cycle().size()) -
                         std::lround((1 - accept) * static_cast<double>(map.cycle().size())));
    EXPECT_EQ(drafted_by.size(), map.cycle().size()) << "each id drafts exactly one";
  }
}

TEST(SuccessorMap, SeedsDiffer) { EXPECT_NE(make_map(1, 0, 1).cycle(), make_map(1, 0, 2).cycle()); }

TEST(SuccessorMap, TooFewIdsOutsideIsSaid) {
  try {
    make_map(1, 0.5);
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "--rare 0.5 needs 8064 ids outside the 16384 lowest, this shape has 4032");
  }
}

}  // namespace
}  // namespace paceline::synth

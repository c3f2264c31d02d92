#include "engine/lookup_index.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace paceline {
namespace {

LookupMatch find(const std::vector<Token>& tokens) {
  LookupIndex index(static_cast<int>(tokens.size()));
  index.update(tokens);
  return index.find(tokens);
}

TEST(LookupIndex, FindsTheLongestAndLatestMatch) {
  //                              0  1  2  3  4  5  6  7  8  9 10 11 12 13 14
  const std::vector<Token> text{9, 1, 2, 3, 70, 8, 1, 2, 3, 71, 9, 1, 2, 3, 72};
  std::vector<Token> tokens = text;
  tokens.insert(tokens.end(), {9, 1, 2, 3});
  EXPECT_EQ(find(tokens).length, 4);
  EXPECT_EQ(find(tokens).next, 14);  // "9 1 2 3" stood at 0 and at 10: the latest
  tokens = text;
  tokens.insert(tokens.end(), {8, 1, 2, 3});
  EXPECT_EQ(find(tokens).next, 9);  // longer, though not the latest of "1 2 3"
  EXPECT_EQ(find({1, 2, 3, 4, 5}).length, 0);
  EXPECT_EQ(find({1, 2}).length, 0);
  EXPECT_EQ(find({}).length, 0);
}

TEST(LookupIndex, GrowingIsTheSameAsStartingAnew) {
  std::vector<Token> tokens;
  LookupIndex growing(1000);
  for (uint64_t i = 0; i < 1000; ++i) {
    tokens.push_back(static_cast<Token>(random_word(5, i) % 4));
    growing.update(tokens);
    if (i % 37 != 0) continue;
    const LookupMatch got = growing.find(tokens), want = find(tokens);
    EXPECT_EQ(got.length, want.length) << i;
    EXPECT_EQ(got.next, want.next) << i;
    for (int k = 1; k <= got.length; ++k)
      EXPECT_EQ(tokens[static_cast<size_t>(got.next - k)], tokens[tokens.size() - static_cast<size_t>(k)]);
  }
  tokens.resize(500);
  growing.update(tokens);
  EXPECT_EQ(growing.find(tokens).next, find(tokens).next);
}

TEST(LookupIndex, TextsBeyondItsLengthAreNotFound) {
  LookupIndex index(6);
  const std::vector<Token> tokens{1, 2, 3, 1, 2, 3, 1, 2, 3};
  index.update(tokens);
  EXPECT_EQ(index.find(tokens).length, 0);
  EXPECT_EQ(index.find(std::span(tokens).first(6)).length, 3);
}

TEST(LookupIndex, AppendsWhatFollowedAndGoesOnWithAPeriod) {
  const std::vector<Token> tokens{5, 1, 2, 3, 4, 1, 2, 3};
  std::vector<Token> out;
  LookupIndex::append(tokens, {3, 4}, 6, out);
  EXPECT_EQ(out, (std::vector<Token>{4, 1, 2, 3, 4, 1}));
}

}  // namespace
}  // namespace paceline

#include "app/synth/vocabulary.h"

#include <gtest/gtest.h>

#include <unordered_map>

#include "app/synth/shapes.h"

namespace paceline::synth {
namespace {

class VocabularyOf : public testing::TestWithParam<const char*> {
 protected:
  const ModelShape& shape_ = find_shape(GetParam());
  const Vocabulary vocabulary_ = make_vocabulary(shape_.vocab_size, shape_.special_token_base);
};

TEST_P(VocabularyOf, TokensAreDistinctAndMergesMakeThemInOrder) {
  std::unordered_map<std::string, size_t> ids;
  for (size_t id = 0; id < vocabulary_.tokens.size(); ++id)
    ASSERT_TRUE(ids.emplace(vocabulary_.tokens[id], id).second) << vocabulary_.tokens[id] << " twice";
  ASSERT_EQ(static_cast<int>(ids.size()), shape_.vocab_size);
  ASSERT_EQ(vocabulary_.kinds.size(), vocabulary_.tokens.size());
  ASSERT_EQ(static_cast<int>(vocabulary_.merges.size()), shape_.special_token_base - kByteTokenCount);
  for (size_t rank = 0; rank < vocabulary_.merges.size(); ++rank) {
    const std::string& merge = vocabulary_.merges[rank];
    const size_t blank = merge.find(' '), id = rank + kByteTokenCount;
    const std::string left = merge.substr(0, blank), right = merge.substr(blank + 1);
    ASSERT_EQ(left + right, vocabulary_.tokens[id]);
    ASSERT_LT(ids.at(left), id);
    ASSERT_LT(ids.at(right), id);
  }
}

TEST_P(VocabularyOf, SpecialTokensAreAtTheirPlaces) {
  const size_t base = static_cast<size_t>(shape_.special_token_base);
  const auto expect = [&](size_t offset, const char* text, int kind) {
    EXPECT_EQ(vocabulary_.tokens[base + offset], text);
    EXPECT_EQ(vocabulary_.kinds[base + offset], kind) << text;
  };
  expect(0, "<|endoftext|>", 3);
  expect(1, "<|im_start|>", 3);
  expect(2, "<|im_end|>", 3);
  expect(9, "<|vision_start|>", 3);
  expect(14, "<tool_call>", 4);
  expect(19, "<|fim_pad|>", 4);
  expect(21, "<|file_sep|>", 4);
  expect(25, "</think>", 4);
  expect(32, "<|audio_pad|>", 3);
  EXPECT_EQ(vocabulary_.kinds.back(), 5);
  EXPECT_EQ(vocabulary_.end_of_turn, shape_.special_token_base + 2);
}

INSTANTIATE_TEST_SUITE_P(Shapes, VocabularyOf, testing::Values("tiny", "27B"),
                         [](const testing::TestParamInfo<const char*>& instance) {
                           return std::string(instance.param);
                         });

TEST(Vocabulary, RealShapesHaveTheFamilysIds) {
  const Vocabulary vocabulary = make_vocabulary(248320, 248044);
  EXPECT_EQ(vocabulary.tokens[0], "!");
  EXPECT_EQ(vocabulary.tokens[198], "\u010a");  // newline
  EXPECT_EQ(vocabulary.tokens[220], "\u0120");  // blank
  EXPECT_EQ(vocabulary.tokens[248046], "<|im_end|>");
  EXPECT_EQ(vocabulary.tokens[248069], "</think>");
  EXPECT_EQ(vocabulary.tokens[248319], "[PAD248319]");
}

}  // namespace
}  // namespace paceline::synth

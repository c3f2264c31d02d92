// Ids and texts of 3,012 + 50 strings per pre-tokenizer, as the reference implementation gives them.
#include "tests/text/vectors.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/utf8.h"

namespace paceline {
namespace {

class Vectors : public ::testing::TestWithParam<std::string> {};

TEST_P(Vectors, EqualTheReference) {
  const Tokenizer& tokenizer = testing::vector_tokenizer(GetParam());
  int valid = 0, repaired = 0, special = 0, unanswered = 0;
  for (const testing::TokenizerVector& vector : testing::read_vectors(GetParam())) {
    const std::vector<Token> ids = tokenizer.encode(vector.text, false);
    // Byte-exact whatever the reference does: it alters invalid UTF-8 before it tokenizes, we keep the bytes.
    ASSERT_EQ(tokenizer.decode(ids), vector.text);
    if (!vector.answered) {
      ++unanswered;
    } else if (is_valid_utf8(vector.text)) {
      ++valid;
      if (vector.ids != vector.ids_special) ++special;
      ASSERT_EQ(ids, vector.ids) << vector.text;
      const std::vector<Token> parsed = tokenizer.encode(vector.text, true);
      ASSERT_EQ(parsed, vector.ids_special) << vector.text;
      ASSERT_EQ(tokenizer.decode(parsed, true), vector.text);
    } else {
      ++repaired;
      ASSERT_EQ(tokenizer.encode(tokenizer.decode(vector.ids), false), vector.ids);
    }
  }
  // 3,012 strings made for this and the 46 or 50 that come with the vocabulary. 66 of them hold random bytes; one of those is valid
  // UTF-8 and on one the reference throws.
  EXPECT_GE(valid, 2946 + 46);
  EXPECT_EQ(repaired, 64);
  EXPECT_EQ(unanswered, 1);
  EXPECT_GE(special, 2);
}

TEST_P(Vectors, EveryTokenIsFoundByItsBytes) {
  const Tokenizer& tokenizer = testing::vector_tokenizer(GetParam());
  for (Token token = 0; token < tokenizer.vocab_size(); ++token)
    ASSERT_EQ(tokenizer.find(tokenizer.piece(token, true)), token);
}

TEST_P(Vectors, AnyBytesComeBack) {
  const Tokenizer& tokenizer = testing::vector_tokenizer(GetParam());
  for (uint64_t seed = 0; seed < 400; ++seed) {
    const std::string text = testing::random_text(seed, seed % 97, seed % 2 == 0);
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(text, false)), text) << "seed " << seed;
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(text, true), true), text) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Pretokenizers, Vectors, ::testing::ValuesIn(testing::vector_names()),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace paceline

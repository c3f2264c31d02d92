#include "text/text_stream.h"

#include <gtest/gtest.h>

#include "base/utf8.h"
#include "tests/text/vectors.h"

namespace paceline {
namespace {

const Tokenizer& bytes_tokenizer() {
  static const std::unique_ptr<Tokenizer> tokenizer = Tokenizer::build(testing::small_vocabulary(
      {"\xe4\xb8", "\xe4\xb8\xad"}, {{"<think>", TokenKind::UserDefined}, {"<|im_end|>", TokenKind::Control}}));
  return *tokenizer;
}

TEST(TextStream, WaitsForTheRestOfACharacter) {
  TextStream stream(bytes_tokenizer());
  EXPECT_EQ(stream.push_bytes("a\xf0\x9f"), "a");
  EXPECT_EQ(stream.push_bytes("\x91"), "");
  EXPECT_EQ(stream.push_bytes("\x8d!"), "👍!");
  EXPECT_EQ(stream.finish(), "");
}

TEST(TextStream, ReplacesWhatCannotBecomeValid) {
  TextStream stream(bytes_tokenizer());
  EXPECT_EQ(stream.push_bytes("\xc3"), "");
  EXPECT_EQ(stream.push_bytes("x\x80"), "\uFFFDx\uFFFD");
  EXPECT_EQ(stream.push_bytes("\xe4\xb8"), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
}

TEST(TextStream, HidesControlTokensUnlessAsked) {
  const Tokenizer& tokenizer = bytes_tokenizer();
  TextStream hidden(tokenizer), shown(tokenizer, InvalidBytes::Replace, true);
  EXPECT_EQ(hidden.push(tokenizer.find("<|im_end|>")), "");
  EXPECT_EQ(hidden.push(tokenizer.find("<think>")), "<think>");
  EXPECT_EQ(shown.push(tokenizer.find("<|im_end|>")), "<|im_end|>");
}

// A control token in the middle of a character does not break it.
TEST(TextStream, EqualsDecodeForEverySplit) {
  const Tokenizer& tokenizer = bytes_tokenizer();
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const std::string text = testing::random_text(seed, 40, true);
    for (size_t first = 0; first <= text.size(); ++first) {
      for (size_t second = first; second <= text.size(); second += 3) {
        TextStream keep(tokenizer, InvalidBytes::Keep), replace(tokenizer);
        std::string kept, replaced;
        for (const std::string& part :
             {text.substr(0, first), text.substr(first, second - first), text.substr(second)}) {
          kept += keep.push_bytes(part);
          const std::string released = replace.push_bytes(part);
          ASSERT_TRUE(is_valid_utf8(released));
          replaced += released;
        }
        ASSERT_EQ(kept + keep.finish(), text);
        ASSERT_EQ(replaced + replace.finish(), replace_invalid_utf8(text))
            << "seed " << seed << ", split at " << first << ", " << second;
      }
    }
  }
}

TEST(TextStream, TokenByTokenEqualsDecode) {
  for (const std::string& name : testing::vector_names()) {
    const Tokenizer& tokenizer = testing::vector_tokenizer(name);
    for (uint64_t seed = 0; seed < 100; ++seed) {
      const std::vector<Token> tokens = tokenizer.encode(testing::random_text(seed, 200, true), true);
      TextStream stream(tokenizer, InvalidBytes::Keep);
      std::string text;
      for (const Token token : tokens) text += stream.push(token);
      ASSERT_EQ(text + stream.finish(), tokenizer.decode(tokens));
    }
  }
}

}  // namespace
}  // namespace paceline

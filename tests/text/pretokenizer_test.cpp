#include "text/pretokenizer.h"

#include <gtest/gtest.h>

#include "base/utf8.h"
#include "tests/text/vectors.h"

namespace paceline {
namespace {

std::vector<std::string> pieces(const Splitter& splitter, std::string_view text) {
  std::vector<std::string> out;
  pretokenize(splitter, text, [&](std::string_view piece) { out.emplace_back(piece); });
  return out;
}

using Pieces = std::vector<std::string>;

Pieces split(const char* name, std::string_view text) {
  const PretokenizerRules& rules = *find_pretokenizer(name);
  const Pieces plain = pieces(*make_plain_splitter(rules), text);
  EXPECT_EQ(pieces(*make_splitter(rules), text), plain);
  return plain;
}

TEST(Pretokenizer, SplitsAsThePatternsSay) {
  EXPECT_EQ(split("qwen2", "Hello  world's 123!\n\n x"),
            (Pieces{"Hello", " ", " world", "'s", " ", "1", "2", "3", "!\n\n", " x"}));
  EXPECT_EQ(split("llama-bpe", "1234 It'LL"), (Pieces{"123", "4", " It", "'LL"}));
  EXPECT_EQ(split("gpt-2", "it's IT'S 1234!\n\n x"), (Pieces{"it", "'s", " IT", "'", "S", " 1234", "!", "\n\n", " x"}));
  EXPECT_EQ(split("qwen35", "e\u0301a \u0301b"), (Pieces{"e\u0301a", " \u0301b"}));
  EXPECT_EQ(split("qwen2", "e\u0301a"), (Pieces{"e", "\u0301a"}));
  EXPECT_EQ(split("qwen35", " \t \n \n  "), (Pieces{" \t \n \n", "  "}));
}

TEST(Pretokenizer, InvalidBytesArePiecesOfTheirOwn) {
  EXPECT_EQ(split("qwen2",
                  "ab\xff\xfe"
                  "cd\xc3"),
            (Pieces{"ab", "\xff\xfe", "cd", "\xc3"}));
  EXPECT_EQ(split("qwen2", "\x80"), (Pieces{"\x80"}));
  EXPECT_EQ(split("qwen2", ""), Pieces{});
}

TEST(Pretokenizer, UnknownNamesAreNotFound) {
  EXPECT_EQ(find_pretokenizer("qwen36"), nullptr);
  EXPECT_EQ(find_pretokenizer(""), nullptr);
}

#ifndef PACELINE_CORE_ONLY
class TwoSplitters : public ::testing::TestWithParam<std::string> {
 protected:
  void expect_equal(std::string_view text, const std::string& what) {
    ASSERT_EQ(pieces(*pcre2_, text), pieces(*plain_, text)) << what;
  }
  std::unique_ptr<Splitter> pcre2_ = make_pcre2_splitter(*find_pretokenizer(GetParam()));
  std::unique_ptr<Splitter> plain_ = make_plain_splitter(*find_pretokenizer(GetParam()));
};

// Every code point in front of and behind a letter, a number, a sign and a space.
TEST_P(TwoSplitters, AgreeOnEveryCodePoint) {
  std::string text;
  for (uint32_t code_point = 0; code_point < 0x110000; ++code_point) {
    if (code_point >= 0xD800 && code_point < 0xE000) continue;
    std::string character;
    append_utf8(character, code_point);
    for (const char* before : {"a", "1", "!", " ", ""}) (text += before) += character;
    text += '\n';
    if (code_point % 64 == 63) expect_equal(text, "up to code point " + std::to_string(code_point)), text.clear();
    if (HasFatalFailure()) return;
  }
}

TEST_P(TwoSplitters, AgreeOnRandomTexts) {
  for (uint64_t seed = 0; seed < 3000 && !HasFatalFailure(); ++seed)
    expect_equal(testing::random_text(seed, seed % 61, seed % 3 == 0), "seed " + std::to_string(seed));
}

INSTANTIATE_TEST_SUITE_P(Pretokenizers, TwoSplitters, ::testing::Values("qwen35", "qwen2", "gpt-2", "llama-bpe"),
                         [](const auto& parameter) { return parameter.param.substr(0, parameter.param.find('-')); });
#endif

}  // namespace
}  // namespace paceline

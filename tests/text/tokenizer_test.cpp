#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "tests/text/vectors.h"
#include "text/byte_alphabet.h"
#include "text/merges.h"
#include "text/special_matcher.h"

namespace paceline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string error_of(const VocabularyData& data) {
  try {
    Tokenizer::build(data);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

const std::vector<testing::SpecialToken> kSpecials = {
    {"<|im_start|>", TokenKind::Control}, {"<|im_end|>", TokenKind::Control}, {"<think>", TokenKind::UserDefined},
    {"<think>!", TokenKind::UserDefined}, {"[PAD]", TokenKind::Unused},       {"<0x41>", TokenKind::Byte}};

TEST(Tokenizer, SpecialTokens) {
  const auto tokenizer = Tokenizer::build(testing::small_vocabulary({"hi"}, kSpecials));
  const Token hi = 256, start = 257, think = 259, think_long = 260, pad = 261, byte_token = 262;
  EXPECT_THAT(tokenizer->encode("<|im_start|>hi<think>", true), ElementsAre(start, hi, think));
  EXPECT_THAT(tokenizer->encode("<think>!<think><think>!", false), ElementsAre(think_long, think, think_long));
  EXPECT_EQ(tokenizer->encode("<|im_start|>", false).size(), 12u);
  EXPECT_EQ(tokenizer->encode("[PAD]", true).size(), 5u);
  EXPECT_EQ(tokenizer->decode(std::vector<Token>{start, hi, think, pad}), "hi<think>");
  EXPECT_EQ(tokenizer->decode(std::vector<Token>{start, hi, think, pad}, true), "<|im_start|>hi<think>[PAD]");
  EXPECT_EQ(tokenizer->piece(byte_token), "A");
  EXPECT_EQ(tokenizer->kind(start), TokenKind::Control);
  EXPECT_EQ(tokenizer->find("<|im_start|>"), start);
  EXPECT_EQ(tokenizer->find("hi"), hi);
  EXPECT_EQ(tokenizer->find("ho"), -1);
  EXPECT_THROW(tokenizer->piece(263), Error);
  EXPECT_THROW(tokenizer->piece(-1), Error);
}

TEST(Tokenizer, EndTokensByTextAndByKey) {
  VocabularyData data = testing::small_vocabulary({"</", "</s", "</s>"}, kSpecials);
  data.eot = 7;
  auto tokenizer = Tokenizer::build(data);
  EXPECT_THAT(tokenizer->end_tokens(), ElementsAre(7, 260));  // "</s>" is a normal token: no end
  EXPECT_TRUE(tokenizer->is_end(260));
  EXPECT_FALSE(tokenizer->is_end(259));
  EXPECT_EQ(tokenizer->find("</s>"), 258);
  EXPECT_THAT(tokenizer->encode("</s>", true), ElementsAre(258));
  data.eos = 258;  // unless the file says so
  tokenizer = Tokenizer::build(data);
  EXPECT_THAT(tokenizer->end_tokens(), ElementsAre(7, 258, 260));
  EXPECT_EQ(tokenizer->eos(), 258);
}

TEST(Tokenizer, BeginningOfSequence) {
  VocabularyData data = testing::small_vocabulary({}, kSpecials, "llama-bpe");
  EXPECT_FALSE(Tokenizer::build(data)->add_bos());  // there is none to add
  data.bos = 256;
  EXPECT_TRUE(Tokenizer::build(data)->add_bos());
  data.add_bos = false;
  EXPECT_FALSE(Tokenizer::build(data)->add_bos());
  data = testing::small_vocabulary({}, kSpecials, "qwen35");
  data.bos = 256;
  EXPECT_FALSE(Tokenizer::build(data)->add_bos());
  EXPECT_EQ(Tokenizer::build(data)->bos(), 256);
}

TEST(Tokenizer, ErrorsNameFileKeyAndIndex) {
  VocabularyData data = testing::small_vocabulary({"ab"}, kSpecials);
  data.merges.push_back("a \u0120x");
  EXPECT_THAT(error_of(data), HasSubstr("small.gguf: tokenizer.ggml.merges[1]"));
  for (const char* merge : {"", " ", "ab", "a ", " a", "a b c", "zz y", "a c"}) {
    data.merges.back() = merge;
    EXPECT_THAT(error_of(data), HasSubstr("tokenizer.ggml.merges[1]")) << merge;
  }
  data = testing::small_vocabulary({}, kSpecials);
  data.eos = 9999;
  EXPECT_THAT(error_of(data), HasSubstr("tokenizer.ggml.eos_token_id is 9999"));
  data = testing::small_vocabulary({}, kSpecials);
  data.kinds.pop_back();
  EXPECT_THAT(error_of(data),
              HasSubstr("tokenizer.ggml.token_type has 261 entries, expected one for each of the 262 tokens"));
  data = testing::small_vocabulary({}, kSpecials, "unheard-of");
  EXPECT_THAT(error_of(data), HasSubstr("tokenizer.ggml.pre is \"unheard-of\", expected one of qwen35"));
  data = testing::small_vocabulary({});
  data.tokens[65] = "unreachable";
  EXPECT_THAT(error_of(data), HasSubstr("no token for byte 65"));
  data = VocabularyData();
  data.pretokenizer = "gpt-2";
  EXPECT_THAT(error_of(data), HasSubstr("tokenizer.ggml.tokens has 0 entries"));
}

TEST(Tokenizer, OddVocabulariesAreSafe) {
  // Empty, duplicate and huge tokens; duplicate merges; bytes that are not UTF-8.
  std::vector<testing::SpecialToken> specials = {{"", TokenKind::UserDefined},
                                                 {"", TokenKind::Control},
                                                 {"x", TokenKind::UserDefined},
                                                 {"x", TokenKind::UserDefined},
                                                 {"\xff\xfe", TokenKind::Control}};
  VocabularyData data = testing::small_vocabulary({"ab", "ab"}, specials);
  data.tokens.push_back(std::string(3'000'000, 'q'));
  data.tokens.push_back("");
  data.kinds.resize(data.tokens.size(), TokenKind::Normal);
  const auto tokenizer = Tokenizer::build(data);
  EXPECT_THAT(tokenizer->encode("abx", false), ElementsAre(257, 261));
  EXPECT_EQ(tokenizer->piece(263).size(), 3'000'000u);
  EXPECT_EQ(tokenizer->encode("", true).size(), 0u);
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("\xff\xfe", true), true), "\xff\xfe");
  data.tokens[258] = std::string(2000, '<');
  EXPECT_THAT(error_of(data), HasSubstr("tokenizer.ggml.tokens[258], a special token, has 2000 bytes"));
}

TEST(Tokenizer, UnknownTokenStandsForMissingBytes) {
  VocabularyData data = testing::small_vocabulary({}, {{"<unk>", TokenKind::Unknown}});
  data.tokens['z'] = "unreachable";
  const auto tokenizer = Tokenizer::build(data);
  EXPECT_THAT(tokenizer->encode("az", false), ElementsAre('a', 256));
}

// The merge loop against the definition, on vocabularies whose merges overlap and tie in every way.
TEST(Merges, EqualTheDefinition) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    VocabularyData data = testing::small_vocabulary({});
    std::vector<std::string> symbols = {"a", "b", "c"};
    for (int i = 0; i < 12; ++i) {
      const std::string left = symbols[random() % symbols.size()], right = symbols[random() % symbols.size()];
      data.merges.push_back(left);
      (data.merges.back() += ' ') += right;
      symbols.push_back(left + right);
      data.tokens.push_back(left + right);
    }
    data.kinds.clear();
    const TokenTable table(data);
    const MergeTable merges(data, table);
    for (const size_t length : {1, 2, 7, 24, 25, 60, 300}) {
      std::string text;
      for (size_t i = 0; i < length; ++i) text += static_cast<char>('a' + random() % 3);
      std::vector<Token> expected, got;
      for (const char byte : text) expected.push_back(table.find_normal({&byte, 1}));
      for (bool changed = true; changed;) {
        changed = false;
        MergeTable::Merge best;
        size_t where = 0;
        for (size_t i = 0; i + 1 < expected.size(); ++i)
          if (const auto merge = merges.find(expected[i], expected[i + 1]); merge.rank < best.rank)
            best = merge, where = i, changed = true;
        if (!changed) break;
        expected[where] = best.merged;
        expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(where) + 1);
      }
      merges.apply(text, got);
      ASSERT_EQ(got, expected) << text;
    }
  }
}

// The matcher against its definition: search the whole text for the longest text first, then the rest for the next.
TEST(SpecialMatcher, EqualsTheDefinition) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::string> specials;
    SpecialMatcher matcher;
    for (int i = 0; i < 6; ++i) {
      std::string special;
      for (uint64_t length = 1 + random() % 5; special.size() < length;)
        special += static_cast<char>('a' + random() % 2);
      if (std::find(specials.begin(), specials.end(), special) == specials.end()) specials.push_back(special);
    }
    for (size_t i = 0; i < specials.size(); ++i) matcher.add(specials[i], static_cast<Token>(i));
    std::string text;
    for (uint64_t length = random() % 30; text.size() < length;) text += static_cast<char>('a' + random() % 3);
    std::vector<int> owner(text.size(), -1);
    std::vector<std::pair<size_t, Token>> expected;
    for (size_t length = 5; length > 0; --length)
      for (size_t at = 0; at + length <= text.size(); ++at) {
        const auto found = std::find(specials.begin(), specials.end(), text.substr(at, length));
        const auto first = owner.begin() + static_cast<std::ptrdiff_t>(at);
        if (found == specials.end() ||
            std::any_of(first, first + static_cast<std::ptrdiff_t>(length), [](int o) { return o >= 0; }))
          continue;
        std::fill(first, first + static_cast<std::ptrdiff_t>(length), 1);
        expected.emplace_back(at, static_cast<Token>(found - specials.begin()));
      }
    std::sort(expected.begin(), expected.end());
    std::vector<std::pair<size_t, Token>> got;
    for (const SpecialMatcher::Match& match : matcher.find(text)) got.emplace_back(match.start, match.token);
    ASSERT_EQ(got, expected) << text;
  }
}

// A million bytes of one kind must not take quadratic time: the test would not end then.
TEST(Tokenizer, LongRunsEnd) {
  for (const std::string& name : testing::vector_names()) {
    const Tokenizer& tokenizer = testing::vector_tokenizer(name);
    for (const char* unit :
         {"a", " ", "\n", "👍", "=", "7", "\xff", "中", "\u0301", " a", "<|", "<|im_start|>", "' "}) {
      std::string text;
      while (text.size() < 1'000'000) text += unit;
      const bool same = tokenizer.decode(tokenizer.encode(text, true), true) == text;
      ASSERT_TRUE(same) << name << ": " << unit;
    }
  }
}

TEST(ByteAlphabet, IsABijection) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(unspell_bytes(spell_bytes(all)), all);
  EXPECT_EQ(spell_bytes(" \n\xc2\xad"
                        "A"),
            "\u0120\u010a\u00c2\u0143"
            "A");
}

}  // namespace
}  // namespace paceline

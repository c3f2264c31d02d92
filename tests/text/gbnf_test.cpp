// Grammars in GBNF: what they match, what is refused and how, hostile ones.
#include "text/constrain/gbnf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/error.h"
#include "tests/text/constrain_support.h"

namespace paceline::constrain {

namespace {

using testing::error_of;
using ::testing::HasSubstr;
using testing::matches;

std::string sample(const std::string& name) {
  std::ifstream file(PACELINE_TEST_DATA "/data/grammars/" + name + ".gbnf", std::ios::binary);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string refusal(const std::string& text) {
  return error_of([&] { parse_gbnf(text); });
}

struct Case {
  const char* grammar;
  std::vector<std::string> yes, no;
};

TEST(Gbnf, Matches) {
  const std::vector<Case> cases = {
      {"root ::= \"a\" | \"bc\"", {"a", "bc"}, {"", "b", "ab", "bcc"}},
      {"root ::= [a-c]+ # comment\n", {"a", "cab"}, {"", "d", "ad"}},
      {"root ::= [^a-c\\n]*",
       {"", "xyz", "\xC3\xA9", "\xF0\x9F\x98\x80"},
       {"a", "x\n", "\xFF", "\xC3", "\xED\xA0\x80", "\xC0\x80"}},
      {"root ::= .", {"x", "\n", "\xE4\xB8\xAD"}, {"", "xx", "\xE4\xB8"}},
      {"root ::= (\"a\" \"b\"?){2}", {"aa", "aba", "abab"}, {"a", "ab", "aaa"}},
      {"root ::= \"a\"{2,}", {"aa", "aaaaa"}, {"a"}},
      {"root ::= \"a\"{0,2} \"b\"", {"b", "ab", "aab"}, {"aaab"}},
      {"root ::= item (\",\" item)*\nitem ::= [0-9]+", {"1", "1,22"}, {"1,", ",1"}},
      {"root ::= \"[\" root? \"]\"", {"[]", "[[[]]]"}, {"[", "[[]"}},
      {"root ::= (\n  \"a\" |\n  \"b\"\n)\n", {"a", "b"}, {"ab"}},
      {"root ::= \"\\x41\\u00e9\\U0001F600\\\"\\\\\"", {"A\xC3\xA9\xF0\x9F\x98\x80\"\\"}, {"A"}},
      {"root ::= [\\u4e2d-\\u4e30é\\]\\-]", {"\xE4\xB8\xAE", "\xC3\xA9", "]", "-"}, {"\xE4\xB8\xB1", "a"}},
      {"root ::= [a-]", {"a", "-"}, {"b"}},
      {"root ::= (\"a\"?)* \"b\"", {"b", "aaab"}, {"a"}},
      {"root ::= \"x\" root | \"x\"", {"x", std::string(5000, 'x')}, {""}},
      {"root ::= \"\"", {""}, {"a"}},
      {"root ::= a-b_c\na-b_c ::= \"q\"", {"q"}, {"a"}},
  };
  for (const Case& test : cases) {
    const Grammar grammar = parse_gbnf(test.grammar);
    for (const std::string& text : test.yes) EXPECT_TRUE(matches(grammar, text)) << test.grammar << " : " << text;
    for (const std::string& text : test.no) EXPECT_FALSE(matches(grammar, text)) << test.grammar << " : " << text;
  }
}

// Every code point at the edges of UTF-8's lengths, against ranges that begin and end around them.
TEST(Gbnf, RangesOfCodePoints) {
  const std::vector<uint32_t> edges = {0x0,     0x1,     0x7F,    0x80,    0xBF,     0xC0,     0x7FF,   0x800,
                                       0xFFF,   0x1000,  0x1234,  0xD7FF,  0xE000,   0xFFFF,   0x10000, 0x10FFF,
                                       0x3FFFF, 0x40000, 0x12345, 0xFFFFF, 0x100000, 0x10FFFE, 0x10FFFF};
  const auto spell = [](uint32_t point) {
    std::string text;
    if (point < 0x80) text += static_cast<char>(point);
    else if (point < 0x800) text += {static_cast<char>(0xC0 | point >> 6), static_cast<char>(0x80 | (point & 63))};
    else if (point < 0x10000)
      text += {static_cast<char>(0xE0 | point >> 12), static_cast<char>(0x80 | (point >> 6 & 63)),
               static_cast<char>(0x80 | (point & 63))};
    else
      text += {static_cast<char>(0xF0 | point >> 18), static_cast<char>(0x80 | (point >> 12 & 63)),
               static_cast<char>(0x80 | (point >> 6 & 63)), static_cast<char>(0x80 | (point & 63))};
    return text;
  };
  for (const uint32_t first : edges) {
    for (const uint32_t last : edges) {
      if (last < first) continue;
      GrammarBuilder builder;
      const auto root = builder.declare("root");
      builder.define(root, builder.characters({first, last}));
      Matcher matcher(std::make_shared<const Grammar>(builder.build(root)));
      for (const uint32_t point : edges) {
        ASSERT_EQ(matches(matcher, spell(point)), first <= point && point <= last)
            << first << " " << last << " " << point;
      }
    }
  }
}

TEST(Gbnf, SampleGrammars) {
  EXPECT_TRUE(matches(parse_gbnf(sample("json")), "{\"a\": [1, 2.5e3, \"x\\n\\u00e9\"], \"b\": {}}"));
  EXPECT_FALSE(matches(parse_gbnf(sample("json")), "{\"a\": [1, 2.5e3, }"));
  EXPECT_TRUE(matches(parse_gbnf(sample("json_arr")), "[\n\"a\",\n1]"));
  EXPECT_TRUE(matches(parse_gbnf(sample("arithmetic")), "a1 +(b2 *3) = 7\n"));
  EXPECT_FALSE(matches(parse_gbnf(sample("arithmetic")), "a1 + = 7\n"));
  EXPECT_TRUE(matches(parse_gbnf(sample("chess")), "1. e4 e5\n2. Nf3 Nc6\n"));
  EXPECT_FALSE(matches(parse_gbnf(sample("chess")), "1. e9 e5\n"));
  EXPECT_TRUE(matches(parse_gbnf(sample("list")), "- one\n- two\n"));
  EXPECT_TRUE(matches(parse_gbnf(sample("c")), "int main(){x = 1;return x;}"));
  EXPECT_TRUE(matches(parse_gbnf(sample("japanese")), "\xE3\x81\x93\xE3\x82\x93\xE3\x81\xAB\xE3\x81\xA1\xE3\x81\xAF"));
  EXPECT_TRUE(matches(parse_gbnf(sample("english")), "Hello, world!"));
}

TEST(Gbnf, Refusals) {
  EXPECT_THAT(refusal("root ::= item\n"), HasSubstr("grammar:1:10: rule item is used but not defined"));
  EXPECT_THAT(refusal("a ::= \"x\"\n"), HasSubstr("root is missing"));
  EXPECT_THAT(refusal("root ::= \"x\"\nroot ::= \"y\"\n"), HasSubstr("grammar:2:1: rule root is defined twice"));
  EXPECT_THAT(refusal("root ::= root \"x\" | \"x\"\n"), HasSubstr("rule root is left-recursive"));
  EXPECT_THAT(refusal("root ::= a\na ::= b? c\nb ::= \"b\"\nc ::= a \"x\" | \"y\"\n"), HasSubstr("left-recursive"));
  EXPECT_THAT(refusal("root ::= \"abc\n"), HasSubstr("grammar:1:10: this literal has no closing"));
  EXPECT_THAT(refusal("root ::= [abc"), HasSubstr("no closing ]"));
  EXPECT_THAT(refusal("root ::= [z-a]"), HasSubstr("larger end first"));
  EXPECT_THAT(refusal("root ::= (\"a\""), HasSubstr("expected )"));
  EXPECT_THAT(refusal("root ::= \"a\"{3,1}"), HasSubstr("larger number first"));
  EXPECT_THAT(refusal("root ::= \"a\"{3"), HasSubstr("expected }"));
  EXPECT_THAT(refusal("root ::= \"\\q\""), HasSubstr("unknown escape"));
  EXPECT_THAT(refusal("root ::= \"\\ud800\""), HasSubstr("no Unicode character"));
  EXPECT_THAT(refusal("root := \"a\""), HasSubstr("expected ::="));
  EXPECT_THAT(refusal("root ::= <think>"), HasSubstr("tokens are not supported"));
  EXPECT_THAT(refusal("root ::= \"a\" ]"), HasSubstr("expected the end of the rule, got ']'"));
  EXPECT_THAT(refusal("root ::= \"\xFF\""), HasSubstr("not valid UTF-8"));
  EXPECT_THAT(refusal("root ::= \"x\" root"), HasSubstr("unsatisfiable"));
  EXPECT_THAT(refusal(""), HasSubstr("root is missing"));
}

TEST(Gbnf, HostileGrammarsHitLimits) {
  EXPECT_THAT(refusal("root ::= \"a\"{199999}{199999}"), HasSubstr("too large"));
  EXPECT_THAT(refusal("root ::= \"\"{99999}{99999}"), HasSubstr("too large"));
  EXPECT_THAT(refusal("root ::= \"a\"{99999999999}"), HasSubstr("a count above"));
  EXPECT_THAT(refusal("root ::= " + std::string(100000, '(')), HasSubstr("nest"));
  EXPECT_THAT(refusal("root ::= \"a\"" + std::string(100000, '?')), HasSubstr("deep"));
  std::string doubling = "root ::= \"a\"";
  for (int i = 0; i < 60; ++i) doubling += "{2}";
  EXPECT_THAT(refusal(doubling), HasSubstr("too large"));
  EXPECT_THAT(refusal(std::string(kMostGbnfBytes + 1, ' ')), HasSubstr("bytes, at most"));
}

// Deeper than the limit is not in the language, and the last level that is can still be closed.
TEST(Gbnf, NestingIsBounded) {
  const Grammar grammar = parse_gbnf("root ::= item\nitem ::= \"[\" item \"]\" | \"x\"");
  Matcher matcher(std::make_shared<const Grammar>(grammar));
  SetId deep = matcher.start();
  size_t depth = 0;
  while (matcher.step(deep, '[') != Matcher::kDead) deep = matcher.step(deep, '['), ++depth;
  EXPECT_GT(depth, grammar.nesting - 3);
  EXPECT_LE(depth, grammar.nesting);
  EXPECT_TRUE(matcher.can_end(matcher.read(deep, "x" + std::string(depth, ']'))));
}

// Sums of ambiguous parts multiply; sets of places do not.
TEST(Gbnf, AmbiguityDoesNotExplode) {
  const Grammar grammar = parse_gbnf("root ::= (a | a a | a a a)* end\na ::= \"x\" | \"x\" \"x\"\nend ::= \"!\"");
  EXPECT_TRUE(matches(grammar, std::string(3000, 'x') + "!"));
  EXPECT_FALSE(matches(grammar, std::string(3000, 'x') + "y"));
}

}  // namespace

}  // namespace paceline::constrain

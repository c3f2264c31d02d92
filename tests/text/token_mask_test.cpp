// Token masks: equal to trying each token alone, for grammars that stress every path; rollback; end tokens; memory; threads.
#include "text/constrain/token_mask.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "base/error.h"
#include "base/strings.h"
#include "tests/text/constrain_support.h"
#include "tests/text/vectors.h"
#include "text/constrain/gbnf.h"
#include "text/constrain/json_schema.h"

namespace paceline::constrain {

namespace {

using testing::random_walk;
using testing::small_constraint_vocabulary;

constexpr const char* kJsonGrammar = R"(
root ::= object
value ::= object | array | string | number | "true" | "false" | "null"
object ::= "{" (string ":" " "? value ("," " "? string ":" " "? value)*)? "}"
array ::= "[" (value ("," " "? value)*)? "]"
string ::= "\"" ([^"\\\x00-\x1f] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4}))* "\""
number ::= "-"? ("0" | [1-9] [0-9]*) ("." [0-9]+)? ([eE] [-+]? [0-9]+)?
)";

const std::vector<const char*>& grammars() {
  static const std::vector<const char*> list = {
      kJsonGrammar,
      "root ::= [^x]* \"x\"? ",
      "root ::= .{0,6}",
      "root ::= line+\nline ::= [^\\n]{1,20} \"\\n\"",
      "root ::= \"(\" root \")\" | [^()]+",
      "root ::= a b\na ::= [^a]* \"a\"\nb ::= [^b]* \"b\" | a",
      "root ::= (\"\xC3\xA9\" | [\\u4e00-\\u4fff] | \"x\")+ (\"\\\"\" .)*",
  };
  return list;
}

TEST(TokenMask, EqualsBruteForce) {
  const auto vocabulary = small_constraint_vocabulary();
  for (const char* text : grammars()) {
    const Grammar grammar = parse_gbnf(text);
    const auto constraint = std::make_shared<CompiledConstraint>(grammar, vocabulary);
    for (uint64_t seed = 0; seed < 8; ++seed) random_walk(constraint, grammar, *vocabulary, seed, 30, true);
  }
}

// At the limit of nesting too, where the inside of a string depends on what is around it.
TEST(TokenMask, EqualsBruteForceNearTheLimitOfNesting) {
  GrammarLimits limits;
  limits.nesting = 5;
  const auto vocabulary = small_constraint_vocabulary();
  const Grammar grammar =
      parse_gbnf("root ::= item\nitem ::= \"[\" item \"]\" | inner\ninner ::= [^\\[\\]x]* (\"x\" item \"x\")?", limits);
  const auto constraint = std::make_shared<CompiledConstraint>(grammar, vocabulary);
  for (uint64_t seed = 0; seed < 40; ++seed) random_walk(constraint, grammar, *vocabulary, seed, 20, true);
}

// Positions of a count that are far from its ends share what they know, but for tokens that reach the ends.
TEST(TokenMask, EqualsBruteForceInCounts) {
  std::vector<std::string> words;
  for (int byte = 0; byte < 256; ++byte) words.emplace_back(1, static_cast<char>(byte));
  for (size_t length = 2; length < 80; length += 5) {
    words.emplace_back(length, 'a');
    words.push_back(std::string(length, 'b') + "\"");
    words.push_back(std::string(length, 'a') + "\\n" + std::string(length / 2, 'b'));
    words.push_back("\xC3\xA9" + std::string(length, 'a') + "\"]");
  }
  words.emplace_back("<end>");
  const Token end = static_cast<Token>(words.size()) - 1;
  const auto vocabulary = std::make_shared<const ConstraintVocabulary>(words, std::span(&end, 1));
  for (const char* schema :
       {R"({"type": "string", "minLength": 40, "maxLength": 140})", R"({"type": "string", "maxLength": 90})",
        R"({"type": "string", "minLength": 70})", R"({"type": "string", "pattern": "^[ab]{35,120}$"})",
        R"({"type": "array", "items": {"type": "string", "maxLength": 45}, "minItems": 1, "maxItems": 3})",
        R"({"type": "string", "pattern": "^(a|bb){0,50}$", "maxLength": 90})"}) {
    const Grammar grammar = compile_json_schema(Json::parse(schema));
    for (uint64_t seed = 0; seed < 6; ++seed)  // each time from nothing: in another order
      random_walk(std::make_shared<CompiledConstraint>(grammar, vocabulary), grammar, *vocabulary, seed, 40, true);
  }
  const Grammar counted = parse_gbnf("root ::= (\"a\" | \"b\"+ \"a\"){34,100} [^x]{0,60} (\"x\"? \"a\"?){40}");
  for (uint64_t seed = 0; seed < 6; ++seed)
    random_walk(std::make_shared<CompiledConstraint>(counted, vocabulary), counted, *vocabulary, seed, 60, true);
}

// The error is the hostile request's own; what others do with the same constraint goes on.
TEST(TokenMask, MasksThatTakeTooLongAreErrors) {
  std::mt19937_64 random(3);
  std::vector<std::string> words;
  for (int byte = 0; byte < 256; ++byte) words.emplace_back(1, static_cast<char>(byte));
  for (int i = 0; i < 600; ++i) {
    std::string& word = words.emplace_back();
    for (int letter = 0; letter < 20; ++letter) word += static_cast<char>('a' + random() % 8);
  }
  words.emplace_back("<end>");
  const Token end = static_cast<Token>(words.size()) - 1;
  const auto vocabulary = std::make_shared<const ConstraintVocabulary>(words, std::span(&end, 1));
  std::string grammar = "root ::= \"go\" part+ | \"stay\"\npart ::= ";
  for (const char letter : std::string_view("abcdefgh"))
    grammar += cat(letter == 'a' ? "" : " | ", "\"", std::string(1, letter), "\" .{0,1000}");
  const auto constraint = std::make_shared<CompiledConstraint>(parse_gbnf(grammar), vocabulary);
  ConstraintState hostile(constraint), other(constraint);
  const auto first = other.allowed();
  const std::vector<uint32_t> before(first.begin(), first.end());
  for (const char byte : "go" + std::string(900, 'a')) ASSERT_TRUE(hostile.accept(byte));
  EXPECT_THAT(testing::error_of([&] { hostile.allowed(); }), ::testing::HasSubstr("takes too long"));
  EXPECT_THAT(other.allowed(), ::testing::ElementsAreArray(before));
  for (const char byte : std::string_view("stay")) ASSERT_TRUE(other.accept(byte));
  EXPECT_THAT(other.allowed(),
              ::testing::ElementsAreArray(testing::brute_force_mask(parse_gbnf(grammar), *vocabulary, "stay")));
  EXPECT_TRUE(other.can_end());
}

TEST(TokenMask, RollbackComesBackToTheSameBits) {
  const auto vocabulary = small_constraint_vocabulary();
  for (const char* text : grammars()) {
    const auto constraint = std::make_shared<CompiledConstraint>(parse_gbnf(text), vocabulary);
    std::mt19937_64 random(7);
    ConstraintState state(constraint);
    std::vector<std::vector<uint32_t>> masks;
    for (int round = 0; round < 300; ++round) {
      const auto span = state.allowed();
      masks.emplace_back(span.begin(), span.end());
      std::vector<Token> choices;
      for (Token token = 0; token < vocabulary->size(); ++token) {
        if (span[static_cast<size_t>(token) / 32] >> (token % 32) & 1) choices.push_back(token);
      }
      ASSERT_FALSE(choices.empty());
      ASSERT_TRUE(state.accept(choices[random() % choices.size()]));
      if (random() % 3 != 0) continue;
      const int back = static_cast<int>(random() % std::min<size_t>(masks.size() + 1, 6));
      state.rollback(back);
      const auto now = state.allowed();
      if (back > 0) {
        masks.resize(masks.size() - static_cast<size_t>(back) + 1);
        ASSERT_EQ(std::vector<uint32_t>(now.begin(), now.end()), masks.back());
        masks.pop_back();
      }
    }
  }
}

TEST(TokenMask, EndTokens) {
  const auto vocabulary = small_constraint_vocabulary();
  const Token end = vocabulary->end_tokens()[0];
  ConstraintState state(std::make_shared<CompiledConstraint>(parse_gbnf("root ::= \"ab\" \"c\"?"), vocabulary));
  EXPECT_FALSE(state.can_end());
  EXPECT_FALSE(state.accept(end));
  EXPECT_FALSE(state.accept('x'));
  EXPECT_FALSE(state.accept(-1));
  EXPECT_FALSE(state.accept(vocabulary->size()));
  EXPECT_FALSE(state.accept(end - 1)) << "a token without bytes";
  EXPECT_TRUE(state.accept('a'));
  EXPECT_TRUE(state.accept('b'));
  EXPECT_TRUE(state.can_end());
  EXPECT_TRUE(state.accept(end));
  EXPECT_FALSE(state.accept('c'));
  std::vector<uint32_t> only_end(vocabulary->mask_words());
  only_end[static_cast<size_t>(end) / 32] = 1u << (end % 32);
  EXPECT_THAT(state.allowed(), ::testing::ElementsAreArray(only_end));
  state.rollback(1);
  EXPECT_TRUE(state.accept('c'));
  EXPECT_THAT(state.allowed(), ::testing::ElementsAreArray(only_end));
}

// What a constraint has learnt is thrown away when it has grown, without a trace in the masks.
TEST(TokenMask, RenewalLeavesNoTrace) {
  const auto vocabulary = small_constraint_vocabulary();
  const Grammar grammar = parse_gbnf("root ::= item*\nitem ::= [^ab]{0,3000} (\"a\" | \"b\" .{0,2000})");
  const auto constraint = std::make_shared<CompiledConstraint>(grammar, vocabulary);
  random_walk(constraint, grammar, *vocabulary, 1, 3000, false);
  const Grammar nested = parse_gbnf(kJsonGrammar);
  const auto nested_constraint = std::make_shared<CompiledConstraint>(nested, vocabulary);
  ConstraintState before(nested_constraint);
  ASSERT_TRUE(before.accept('{'));
  for (uint64_t seed = 0; seed < 20; ++seed) random_walk(nested_constraint, nested, *vocabulary, seed, 400, false);
  EXPECT_THAT(before.allowed(), ::testing::ElementsAreArray(testing::brute_force_mask(nested, *vocabulary, "{")));
}

TEST(TokenMask, OneConstraintInManyThreads) {
  const auto vocabulary = small_constraint_vocabulary();
  const Grammar grammar = parse_gbnf(kJsonGrammar);
  const auto constraint = std::make_shared<CompiledConstraint>(grammar, vocabulary);
  std::vector<std::string> alone, together(4);
  for (uint64_t seed = 0; seed < 4; ++seed) {
    alone.push_back(
        random_walk(std::make_shared<CompiledConstraint>(grammar, vocabulary), grammar, *vocabulary, seed, 200, false)
            .text);
  }
  std::vector<std::thread> threads;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    threads.emplace_back(
        [&, seed] { together[seed] = random_walk(constraint, grammar, *vocabulary, seed, 200, false).text; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(alone, together);
}

// The real vocabulary, where subtrees and long tokens matter.
TEST(TokenMask, EqualsBruteForceOnARealVocabulary) {
  const ConstraintVocabulary loaded(paceline::testing::vector_tokenizer("qwen35"));
  const auto vocabulary = std::make_shared<const ConstraintVocabulary>(loaded);
  const Grammar grammar = parse_gbnf(kJsonGrammar);
  const auto constraint = std::make_shared<CompiledConstraint>(grammar, vocabulary);
  ConstraintState state(constraint);
  std::string text;
  for (const Token token : paceline::testing::vector_tokenizer("qwen35").encode(
           "{\"name\": [\"H\xC3\xA9llo w\\u0041\", -12.5e3], \"b\": {\"c\": true}}", false)) {
    const auto mask = state.allowed();
    ASSERT_EQ(std::vector<uint32_t>(mask.begin(), mask.end()), testing::brute_force_mask(grammar, *vocabulary, text))
        << text;
    ASSERT_TRUE(state.accept(token));
    text += vocabulary->bytes(token);
  }
  EXPECT_TRUE(state.can_end());
}

}  // namespace

}  // namespace paceline::constrain

#include "tests/text/constrain_support.h"

#include <gtest/gtest.h>

#include <random>

#include "base/error.h"

namespace paceline::constrain::testing {

bool matches(Matcher& matcher, std::string_view text) {
  const SetId set = matcher.read(matcher.start(), text);
  return set != Matcher::kDead && matcher.can_end(set);
}

bool matches(const Grammar& grammar, std::string_view text) {
  Matcher matcher(std::make_shared<const Grammar>(grammar));
  return matches(matcher, text);
}

std::vector<std::string> small_words() {
  std::vector<std::string> words;
  for (int byte = 0; byte < 256; ++byte) words.emplace_back(1, static_cast<char>(byte));
  for (const char* word : {"{\"",          "\":",        "\",",
                           "\",\"",        "\"}",        "}}",
                           "[[",           "]]",         "],",
                           "},",           ", ",         ": ",
                           ": \"",         "\": \"",     "true",
                           "false",        "null",       "ab",
                           "abc",          "name",       "\"name\"",
                           "12",           "123",        "-1",
                           "0.",           "e+",         "E1",
                           "00",           "\\\"",       "\\u",
                           "\\u00",        "\\n",        "\xC3\xA9",
                           "\xC3\xA9\xC3", "\xA9\"",     "\xE4\xB8\xAD",
                           "\xE4\xB8",     "\xB8\xAD\"", "\xF0\x9F\x98\x80",
                           "\x9F\x98",     "  ",         "\n",
                           "a\",\"b",      "a\"}",       "\"a\":1",
                           "{}",           "[]",         "[1,",
                           "1,2",          "\"\"",       "x",
                           "hello",        "hello\"",    "a = ",
                           "1+2",          "\xC2",       "\xED\xA0",
                           "\\uD83D",      "\\uDE00",    "(1)"}) {
    words.emplace_back(word);
  }
  words.emplace_back();  // a special token without bytes
  words.emplace_back("<end>");
  return words;
}

std::shared_ptr<const ConstraintVocabulary> small_constraint_vocabulary() {
  static const auto vocabulary = [] {
    const std::vector<std::string> words = small_words();
    const Token end = static_cast<Token>(words.size()) - 1;
    return std::make_shared<const ConstraintVocabulary>(words, std::span(&end, 1));
  }();
  return vocabulary;
}

std::vector<uint32_t> brute_force_mask(const Grammar& grammar, const ConstraintVocabulary& vocabulary,
                                       std::string_view text) {
  Matcher matcher(std::make_shared<const Grammar>(grammar));
  const SetId set = matcher.read(matcher.start(), text);
  std::vector<uint32_t> mask(vocabulary.mask_words());
  for (Token token = 0; token < vocabulary.size(); ++token) {
    const std::string_view bytes = vocabulary.bytes(token);
    const bool allowed =
        vocabulary.is_end(token) ? matcher.can_end(set) : !bytes.empty() && matcher.read(set, bytes) != Matcher::kDead;
    if (allowed) mask[static_cast<size_t>(token) / 32] |= 1u << (token % 32);
  }
  return mask;
}

Walk random_walk(const std::shared_ptr<CompiledConstraint>& constraint, const Grammar& grammar,
                 const ConstraintVocabulary& vocabulary, uint64_t seed, int most_tokens, bool check) {
  std::mt19937_64 random(seed);
  ConstraintState state(constraint);
  Walk walk;
  for (int step = 0; step < most_tokens; ++step) {
    const std::span<const uint32_t> span = state.allowed();
    const std::vector<uint32_t> mask(span.begin(), span.end());
    if (check) {
      EXPECT_EQ(mask, brute_force_mask(grammar, vocabulary, walk.text)) << walk.text;
    }
    std::vector<Token> choices;
    for (Token token = 0; token < vocabulary.size(); ++token) {
      if (mask[static_cast<size_t>(token) / 32] >> (token % 32) & 1) choices.push_back(token);
    }
    if (choices.empty()) {
      ADD_FAILURE() << "nothing may follow " << walk.text;
      return walk;
    }
    // Words are rarer than bytes but more interesting; an end that is possible is taken now and then.
    Token token = choices[random() % choices.size()];
    if (random() % 2 == 0) token = choices[choices.size() - 1 - random() % std::min<size_t>(choices.size(), 20)];
    EXPECT_TRUE(state.accept(token));
    if (vocabulary.is_end(token)) {
      EXPECT_TRUE(state.can_end());
      walk.ended = true;
      return walk;
    }
    walk.text += vocabulary.bytes(token);
  }
  return walk;
}

}  // namespace paceline::constrain::testing

#pragma once
// The unpacked tokenizer vectors (tests/data/tokenizer/README.md) and the tokenizers they belong to.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace paceline::testing {

struct TokenizerVector {
  std::string text;
  bool answered = false;  // false: the reference threw
  std::vector<Token> ids, ids_special;
};

const std::vector<std::string>& vector_names();  // qwen35, qwen2, gpt-2, llama-bpe
std::vector<TokenizerVector> read_vectors(const std::string& name);
// Loaded once.
const Tokenizer& vector_tokenizer(const std::string& name);

// A vocabulary of the 256 bytes and `words` (built from their first bytes on by merges), then `specials`.
struct SpecialToken {
  std::string text;
  TokenKind kind;
};
VocabularyData small_vocabulary(const std::vector<std::string>& words, const std::vector<SpecialToken>& specials = {},
                                const std::string& pretokenizer = "qwen35");

// `length` bytes, seeded: UTF-8 of many classes, with a share of invalid bytes.
std::string random_text(uint64_t seed, size_t length, bool invalid_bytes);

}  // namespace paceline::testing

#pragma once
// Byte-level BPE (spec 8): special tokens, pre-tokenizer, merges. Immutable once set up; thread-safe. encode∘decode is the identity on
// bytes, valid UTF-8 or not, for text without special tokens.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"

namespace paceline {

class Tokenizer {
 public:
  // From tokenizer.ggml.*; throws Error naming the key for an unsupported model or pre-tokenizer, or inconsistent arrays.
  static std::unique_ptr<Tokenizer> load(const GgufFile& file);
  // The same from plain data.
  static std::unique_ptr<Tokenizer> build(const VocabularyData& data);
  ~Tokenizer();

  int vocab_size() const;
  // User-defined tokens are always recognised in the text, control tokens only with parse_special. Never adds BOS (bos() says whether
  // the model wants one; add_bos()).
  std::vector<Token> encode(std::string_view text, bool parse_special) const;
  // The bytes a token stands for; the text of a control or unknown token is "" unless `special`. Throws Error for an id that is none.
  std::string piece(Token token, bool special = false) const;
  // The text of a special token for a template; "" for -1, a token the model lacks.
  std::string special_text(Token token) const { return token < 0 ? "" : piece(token, true); }
  std::string decode(std::span<const Token> tokens, bool special = false) const;

  TokenKind kind(Token token) const;
  // The id of an exact token text ("<|im_end|>", "\n" …; what piece() gives), -1 if there is none.
  Token find(std::string_view text) const;
  Token bos() const;  // -1: none
  Token eos() const;  // -1: none
  bool add_bos() const;
  // End-of-generation tokens, found by text (spec 8.2) and by the eos/eot/eom keys; sorted.
  std::span<const Token> end_tokens() const;
  bool is_end(Token token) const;
  // Files of some models name no token that ends a turn. When none of the special tokens in `between_turns`, what the chat template
  // writes between an answer and the next question, ends generation, the first of its control tokens does from now on. Before the
  // tokenizer is shared.
  void learn_turn_end(std::string_view between_turns);

 private:
  struct Tables;
  explicit Tokenizer(std::unique_ptr<Tables> tables);
  std::unique_ptr<Tables> tables_;
};

}  // namespace paceline

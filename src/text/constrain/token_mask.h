#pragma once
// From a Grammar to the tokens that may come next. A ConstraintVocabulary is made once per tokenizer, a CompiledConstraint once per
// schema or grammar (both immutable to their users and thread-safe: what they learn is behind a mutex), a ConstraintState per sequence.
// Masks are a function of the text so far alone: caches leave no trace. Tokens without bytes and control tokens are never allowed, except
// end-of-generation tokens, and those exactly when the text is complete. Tokens that are text to the model's users, like <tool_call>,
// are allowed where that text is.
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "text/constrain/grammar.h"
#include "text/constrain/matcher.h"
#include "text/tokenizer.h"

namespace paceline::constrain {

// The tokens' bytes as a tree in preorder, for walking all tokens that share a beginning at once.
class ConstraintVocabulary {
 public:
  explicit ConstraintVocabulary(const Tokenizer& tokenizer);
  // Plain data: bytes by token id; "" is never allowed but for `end_tokens`.
  ConstraintVocabulary(std::span<const std::string> bytes, std::span<const Token> end_tokens);

  int size() const { return static_cast<int>(offsets_.size()) - 1; }
  size_t mask_words() const { return (static_cast<size_t>(size()) + 31) / 32; }
  std::string_view bytes(Token token) const;  // "" for control tokens
  std::span<const Token> end_tokens() const { return end_tokens_; }
  bool is_end(Token token) const;

  // Node 0 is the root; the subtree of node n is [n, subtree_end).
  struct Node {
    uint8_t byte;
    uint8_t padding = 0;
    uint16_t depth;  // bytes from the root
    uint32_t subtree_end;
    uint32_t first_token;  // in sorted_tokens(), up to the next node's
  };
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<Token>& sorted_tokens() const { return sorted_tokens_; }

 private:
  void build(std::span<const std::string> bytes);

  std::string arena_;
  std::vector<uint32_t> offsets_;
  std::vector<Token> end_tokens_;
  std::vector<Node> nodes_;  // and one behind the last, for first_token
  std::vector<Token> sorted_tokens_;
};

class MaskMaker;

class CompiledConstraint {
 public:
  CompiledConstraint(Grammar grammar, std::shared_ptr<const ConstraintVocabulary> vocabulary);
  ~CompiledConstraint();
  size_t memory_bytes();  // about, with what has been learnt

 private:
  friend class ConstraintState;
  std::shared_ptr<MaskMaker> current();  // a fresh one when the last has grown large

  std::shared_ptr<const Grammar> grammar_;
  std::shared_ptr<const ConstraintVocabulary> vocabulary_;
  std::mutex mutex_;
  std::shared_ptr<MaskMaker> maker_;
};

class ConstraintState {
 public:
  static constexpr int kMostRollback = 256;  // tokens

  explicit ConstraintState(std::shared_ptr<CompiledConstraint> constraint);

  // One bit per token, lowest first, ceil(vocabulary / 32) words; valid until the next call of this object's members. After an
  // end-of-generation token only those are allowed. Throws Error when the grammar is too ambiguous to follow (Matcher::step).
  std::span<const uint32_t> allowed();
  // False, and nothing changed, when the token is not allowed. Throws as allowed().
  bool accept(Token token);
  // Takes back the last `count` accepted tokens, at most kMostRollback and no more than there were.
  void rollback(int count);
  bool can_end() const;  // the text so far is complete

 private:
  void renew();

  std::shared_ptr<CompiledConstraint> constraint_;
  std::shared_ptr<MaskMaker> maker_;
  struct Point {
    SetId set;
    bool ended;  // by an end-of-generation token
  };
  Point here_;
  std::deque<Point> before_;  // the newest last
  std::shared_ptr<const std::vector<uint32_t>> mask_;
};

}  // namespace paceline::constrain

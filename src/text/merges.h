#pragma once
// The merges of byte-level BPE (spec 8.1, step 4) and the loop that applies them: again and again the adjacent pair of the best rank,
// the leftmost on ties. O(n log n) in the length of a piece.
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"

namespace paceline {

class MergeTable {
 public:
  // Throws Error naming tokenizer.ggml.merges and the index of an entry that is not two tokens whose bytes together are a third.
  MergeTable(const VocabularyData& data, const TokenTable& tokens);

  struct Merge {
    uint32_t rank = kNoMerge;
    Token merged = -1;
  };
  static constexpr uint32_t kNoMerge = 0xFFFFFFFF;

  Merge find(Token left, Token right) const;
  // Appends the tokens of a piece of text; a byte that is no token becomes the unknown token, or is an error without one.
  void apply(std::string_view piece, std::vector<Token>& out) const;

 private:
  struct Slot {
    uint64_t pair = kFree;
    Merge merge;
  };
  static constexpr uint64_t kFree = ~uint64_t{0};
  size_t slot_of(uint64_t pair) const;
  void add(Token left, Token right, Merge merge);
  void apply_short(std::string_view piece, std::vector<Token>& out) const;
  void apply_long(std::string_view piece, std::vector<Token>& out) const;

  std::vector<Slot> slots_;
  Token byte_tokens_[256];
};

}  // namespace paceline

#pragma once
// Finds where the end of a text stood before, so that what followed there can be guessed to follow again: copying, quoting, editing. An
// index of all runs of kShortest tokens, each linked to the one before it with the same hash, extended as the text grows. Memory: eight to
// twelve bytes a position, taken once, at the first use. Time of a search is bounded by kMostCandidates x kLongest comparisons.
#include <cstdint>
#include <span>
#include <vector>

#include "engine/sampler.h"

namespace paceline {

struct LookupMatch {
  int length = 0;  // tokens at the end of the text that stood before, at most kLongest; 0: none
  int next = 0;  // position of the token that followed them there
};

class LookupIndex {
 public:
  static constexpr int kShortest = 3;
  static constexpr int kAlone = 8;  // from this length on a match is worth drafting from without another opinion
  static constexpr int kLongest = 64;

  // Texts of at most this many tokens; what is beyond is not found.
  explicit LookupIndex(int max_length = 0) : max_length_(max_length) {}

  // Takes in the tokens beyond those known; a text shorter than the known one starts anew.
  void update(std::span<const Token> tokens);
  // Forgets the text, keeps the memory.
  void clear();
  // The longest earlier occurrence of the end of `tokens`, all of which update() has seen; of equal ones the latest.
  LookupMatch find(std::span<const Token> tokens) const;
  // Appends the `count` tokens that followed the match; where that reaches the end of the text, it goes on with itself (a period).
  static void append(std::span<const Token> tokens, LookupMatch match, int count, std::vector<Token>& out);

 private:
  size_t bucket(const Token* run) const;  // of kShortest tokens

  static constexpr int kMostCandidates = 32;
  int max_length_;
  int known_ = 0;  // tokens taken in
  std::vector<int32_t> latest_;  // by bucket: the position after its last run, 0 for none
  std::vector<int32_t> before_;  // by position: the one before it in its bucket
};

}  // namespace paceline

#pragma once
// Finds the special tokens of a text. Where occurrences overlap the longest text of all wins, then the leftmost (spec 8.1, step 1: as
// if one searched the whole text for the longest special token first, then what is left for the next). The time does not depend on
// how many special tokens there are.
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"

namespace paceline {

class SpecialMatcher {
 public:
  struct Match {
    size_t start, length;
    Token token;
  };

  // A trie of `texts`; empty ones are ignored, of equal ones the last counts.
  void add(std::string_view text, Token token);
  bool empty() const { return nodes_.size() == 1; }
  // Disjoint, ascending.
  std::vector<Match> find(std::string_view text) const;

 private:
  struct Node {
    Token token = -1;
    int first_child = -1, next_sibling = -1;
    unsigned char byte = 0;
  };
  int child(int node, unsigned char byte) const;
  // The longest match at `start` of at most `length_limit` bytes; token -1: none.
  Match longest(std::string_view text, size_t start, size_t length_limit) const;

  std::vector<Node> nodes_ = std::vector<Node>(1);
  std::vector<int> roots_ = std::vector<int>(256, -1);  // by first byte
};

}  // namespace paceline

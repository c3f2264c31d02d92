#pragma once
// Regular sets of texts (code points, not bytes) as deterministic automata: patterns, formats, lengths and lists of texts, and what
// schemas do with them: both, either, everything else. Exact, and bounded: too many states throw Error.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/constrain/code_points.h"

namespace paceline::constrain {

class TextLanguage {
 public:
  static constexpr size_t kMostStates = 20'000;

  struct Edge {
    CodePoints points;
    uint32_t target;
  };
  struct State {
    std::vector<Edge> edges;  // disjoint
    bool final = false;
  };

  static TextLanguage any();
  static TextLanguage one_of(std::span<const std::string> texts);
  static TextLanguage without_any_of(std::span<const std::string> texts);  // all that hold none of them
  static TextLanguage length(uint64_t minimum, std::optional<uint64_t> maximum);  // in code points
  // An ECMA-262 regular expression, found anywhere in the text unless anchored: literals, classes, \d \w \s and their opposites, groups,
  // alternatives, quantifiers, ^ at the beginning and $ at the end of an alternative. Throws Error for everything else (look-around,
  // back-references, \b, \p{…}), which is not regular or not settled.
  static TextLanguage pattern(std::string_view expression);

  TextLanguage both(const TextLanguage& other) const;
  TextLanguage either(const TextLanguage& other) const;
  TextLanguage complement() const;
  TextLanguage without(const TextLanguage& other) const { return both(other.complement()); }

  // By state: the first one that no text of up to `length` code points tells from it, by what may follow and whether it may end there.
  std::vector<uint32_t> alike(uint32_t length) const;
  bool contains(std::string_view text) const;
  bool empty() const;  // no text at all
  const std::vector<State>& states() const { return states_; }  // state 0 is the start

  // For the pattern compiler: states with several edges for the same code point, and edges that read nothing.
  struct Loose {
    struct State {
      std::vector<Edge> edges;
      std::vector<uint32_t> empty;
    };
    std::vector<State> states;
    uint32_t start = 0, end = 0;
  };
  static TextLanguage determine(const Loose& loose);

 private:
  enum class Join { Both, Either };
  TextLanguage join(const TextLanguage& other, Join how) const;
  TextLanguage complete() const;  // with a state for what leads nowhere, the last
  void trim();  // drops states that reach no end
  std::vector<State> states_;
};

}  // namespace paceline::constrain

#pragma once
// Context-free grammars over bytes. A GrammarBuilder takes expressions (literals, classes of code points, sequences, repetitions,
// automata, references to rules) and makes a Grammar: one small automaton over bytes per rule, whose edges read a byte, read nothing,
// or call a rule. Everything is bounded: what is too large, too deep, left-recursive or undefined throws Error.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "text/constrain/code_points.h"

namespace paceline::constrain {

struct GrammarLimits {
  uint32_t states = 200'000;  // of all rules' automata; each takes about 100 bytes
  uint32_t edges = 1'000'000;
  uint32_t nodes = 400'000;  // expressions
  int depth = 256;  // expressions inside expressions
  uint32_t nesting = 400;  // rules inside rules while reading text; deeper text is not in the language
};

using StateId = uint32_t;

// Immutable. State 0 is the start of the root rule.
struct Grammar {
  struct ByteEdge {
    uint8_t first, last;
    StateId target;
  };
  struct Call {
    StateId start;  // of the rule called
    StateId back;  // where reading goes on afterwards
    bool tail;  // nothing is left to do afterwards: the call replaces the caller
  };
  struct State {
    std::vector<ByteEdge> bytes;
    std::vector<StateId> empty;
    std::vector<Call> calls;
    bool final = false;  // the rule may end here
    StateId alike =
        0;  // a state that no text of up to kAlikeBytes tells from this one: one position of many in a count; or itself
    uint32_t need = kNever;  // rules that must be open at once, beyond the present one, to reach the rule's end
  };
  static constexpr uint32_t kNever = UINT32_MAX;  // the end cannot be reached at all
  static constexpr uint32_t kAlikeBytes = 32;

  std::vector<State> states;
  uint32_t nesting = 0;  // GrammarLimits::nesting
  uint8_t byte_class[256] = {};  // bytes that no edge tells apart have the same class
  uint32_t class_count = 0;
};

class GrammarBuilder {
 public:
  explicit GrammarBuilder(const GrammarLimits& limits = {});

  struct Node {
    uint32_t id = 0;
  };
  struct Rule {
    uint32_t id = 0;
  };
  // A finite automaton whose edges are labelled with expressions; state 0 is the start.
  struct Automaton {
    struct Edge {
      Node label;
      uint32_t target;
    };
    struct State {
      std::vector<Edge> edges;
      bool final = false;
    };
    std::vector<State> states;
    std::vector<uint32_t> alike;  // by state, as Grammar::State::alike; empty: nothing is known
  };

  Node empty();  // the empty text
  Node nothing();  // no text at all
  Node text(std::string_view bytes);
  Node characters(const CodePoints& points);  // one of them, in UTF-8
  Node sequence(std::vector<Node> parts);
  Node any_of(std::vector<Node> alternatives);
  Node repeat(Node part, uint32_t minimum, std::optional<uint32_t> maximum);  // no maximum: as often as one likes
  Node automaton(Automaton automaton);
  Node reference(Rule rule);

  Rule declare(std::string name);  // the name is for messages
  void define(Rule rule, Node body);
  // Throws Error when a limit is passed, a rule calls itself before it reads anything, or no text at all matches.
  Grammar build(Rule root) const;
  const GrammarLimits& limits() const { return limits_; }

 private:
  friend class GrammarAssembler;
  enum class Kind : uint8_t { Empty, Nothing, Text, Characters, Sequence, AnyOf, Repeat, Automaton, Reference };
  struct Expression {
    Kind kind = Kind::Empty;
    int depth = 1;
    std::string bytes = {};
    CodePoints points = {};
    std::vector<Node> parts = {};
    uint32_t minimum = 0;
    std::optional<uint32_t> maximum = {};
    uint32_t index = 0;  // of an automaton or a rule
  };
  struct RuleBody {
    std::string name;
    std::optional<Node> body;
  };
  Node add(Expression expression);

  GrammarLimits limits_;
  std::vector<Expression> nodes_;
  std::vector<Automaton> automata_;
  std::vector<RuleBody> rules_;
};

}  // namespace paceline::constrain

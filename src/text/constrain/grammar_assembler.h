#pragma once
// Turns the expressions of a GrammarBuilder into the automata of a Grammar, and checks what it made: inside grammar.cpp only.
#include "text/constrain/grammar.h"

namespace paceline::constrain {

class GrammarAssembler {
 public:
  explicit GrammarAssembler(const GrammarBuilder& builder) : builder_(builder) {}
  Grammar assemble(GrammarBuilder::Rule root);

 private:
  using Node = GrammarBuilder::Node;

  StateId new_state();
  void count_edge();
  void add_byte(StateId from, uint8_t first, uint8_t last, StateId to);
  void add_empty(StateId from, StateId to);
  // Between the two states. No edge ever enters `from` or leaves `to`.
  void add(Node node, StateId from, StateId to);
  void add_text(const std::string& bytes, StateId from, StateId to);
  void add_characters(const CodePoints& points, StateId from, StateId to);
  void add_utf8_range(uint32_t first, uint32_t last, StateId from, StateId to);
  void add_byte_ranges(const uint8_t* first, const uint8_t* last, int length, StateId from, StateId to);
  void add_repeat(const GrammarBuilder::Expression& expression, StateId from, StateId to);
  bool may_be_empty(Node node, int depth) const;  // true where it is not worth finding out
  void add_automaton(const GrammarBuilder::Automaton& automaton, StateId from, StateId to);
  StateId start_of(uint32_t rule);  // makes the state, and queues the rule's body

  void mark_tail_calls();
  void check_alike();
  void compute_need();
  void refuse_left_recursion() const;
  std::vector<bool> nullable_states() const;
  void classify_bytes();

  const GrammarBuilder& builder_;
  Grammar grammar_;
  uint32_t edges_ = 0;
  std::vector<StateId> rule_start_;  // kNone: not reached
  std::vector<uint32_t> queue_;  // rules to build
  std::map<std::tuple<uint8_t, uint8_t, StateId>, StateId> suffixes_;  // the last bytes of characters, shared
  static constexpr StateId kNone = UINT32_MAX;
};

}  // namespace paceline::constrain

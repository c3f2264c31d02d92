#include "text/constrain/grammar.h"

#include <algorithm>

#include "base/error.h"
#include "text/constrain/grammar_assembler.h"

namespace paceline::constrain {

using Node = GrammarBuilder::Node;

GrammarBuilder::GrammarBuilder(const GrammarLimits& limits) : limits_(limits) {}

Node GrammarBuilder::add(Expression expression) {
  for (const Node part : expression.parts) {
    expression.depth = std::max(expression.depth, nodes_[part.id].depth + 1);
  }
  if (expression.depth > limits_.depth) {
    fail("the grammar nests expressions more than ", limits_.depth, " deep");
  }
  if (nodes_.size() >= limits_.nodes) fail("the grammar has more than ", limits_.nodes, " expressions");
  nodes_.push_back(std::move(expression));
  return {static_cast<uint32_t>(nodes_.size() - 1)};
}

Node GrammarBuilder::empty() { return add({}); }

Node GrammarBuilder::nothing() { return add({.kind = Kind::Nothing}); }

Node GrammarBuilder::text(std::string_view bytes) { return add({.kind = Kind::Text, .bytes = std::string(bytes)}); }

Node GrammarBuilder::characters(const CodePoints& points) { return add({.kind = Kind::Characters, .points = points}); }

Node GrammarBuilder::sequence(std::vector<Node> parts) {
  if (parts.size() == 1) return parts[0];
  return add({.kind = Kind::Sequence, .parts = std::move(parts)});
}

Node GrammarBuilder::any_of(std::vector<Node> alternatives) {
  if (alternatives.size() == 1) return alternatives[0];
  return add({.kind = Kind::AnyOf, .parts = std::move(alternatives)});
}

Node GrammarBuilder::repeat(Node part, uint32_t minimum, std::optional<uint32_t> maximum) {
  PACELINE_ASSERT(!maximum || minimum <= *maximum);
  return add({.kind = Kind::Repeat, .parts = {part}, .minimum = minimum, .maximum = maximum});
}

Node GrammarBuilder::automaton(Automaton automaton) {
  PACELINE_ASSERT(!automaton.states.empty());
  std::vector<Node> labels;
  for (const Automaton::State& state : automaton.states) {
    for (const Automaton::Edge& edge : state.edges) {
      PACELINE_ASSERT(edge.target < automaton.states.size());
      labels.push_back(edge.label);
    }
  }
  automata_.push_back(std::move(automaton));
  return add(
      {.kind = Kind::Automaton, .parts = std::move(labels), .index = static_cast<uint32_t>(automata_.size() - 1)});
}

Node GrammarBuilder::reference(Rule rule) { return add({.kind = Kind::Reference, .index = rule.id}); }

GrammarBuilder::Rule GrammarBuilder::declare(std::string name) {
  if (rules_.size() >= limits_.nodes) fail("the grammar has more than ", limits_.nodes, " rules");
  rules_.push_back({std::move(name), std::nullopt});
  return {static_cast<uint32_t>(rules_.size() - 1)};
}

void GrammarBuilder::define(Rule rule, Node body) { rules_[rule.id].body = body; }

Grammar GrammarBuilder::build(Rule root) const { return GrammarAssembler(*this).assemble(root); }

}  // namespace paceline::constrain

#include "text/constrain/grammar_assembler.h"

#include <algorithm>
#include <bitset>
#include <map>
#include <queue>

#include "base/error.h"
#include "base/utf8.h"

namespace paceline::constrain {

Grammar GrammarAssembler::assemble(GrammarBuilder::Rule root) {
  rule_start_.assign(builder_.rules_.size(), kNone);
  grammar_.nesting = builder_.limits_.nesting;
  start_of(root.id);
  while (!queue_.empty()) {
    const uint32_t rule = queue_.back();
    queue_.pop_back();
    const GrammarBuilder::RuleBody& body = builder_.rules_[rule];
    if (!body.body) fail("rule ", body.name, " is not defined");
    const StateId end = new_state();
    grammar_.states[end].final = true;
    add(*body.body, rule_start_[rule], end);
  }
  mark_tail_calls();
  compute_need();
  check_alike();
  if (grammar_.states[0].need > grammar_.nesting) {
    if (grammar_.states[0].need == Grammar::kNever)
      fail("no text matches: ", builder_.rules_[root.id].name, " is unsatisfiable");
    fail("the shortest text nests rules ", grammar_.states[0].need, " deep, at most ", grammar_.nesting,
         " are possible");
  }
  refuse_left_recursion();
  classify_bytes();
  return std::move(grammar_);
}

StateId GrammarAssembler::start_of(uint32_t rule) {
  if (rule_start_[rule] == kNone) {
    rule_start_[rule] = new_state();
    queue_.push_back(rule);
  }
  return rule_start_[rule];
}

StateId GrammarAssembler::new_state() {
  if (grammar_.states.size() >= builder_.limits_.states) {
    fail("the grammar is too large: more than ", builder_.limits_.states, " states once repetitions are written out");
  }
  const StateId id = static_cast<StateId>(grammar_.states.size());
  grammar_.states.emplace_back().alike = id;
  return id;
}

void GrammarAssembler::count_edge() {
  if (++edges_ > builder_.limits_.edges) {
    fail("the grammar is too large: more than ", builder_.limits_.edges, " edges once repetitions are written out");
  }
}

void GrammarAssembler::add_byte(StateId from, uint8_t first, uint8_t last, StateId to) {
  count_edge();
  grammar_.states[from].bytes.push_back({first, last, to});
}

void GrammarAssembler::add_empty(StateId from, StateId to) {
  count_edge();
  grammar_.states[from].empty.push_back(to);
}

void GrammarAssembler::add(Node node, StateId from, StateId to) {
  using Kind = GrammarBuilder::Kind;
  const GrammarBuilder::Expression& expression = builder_.nodes_[node.id];
  switch (expression.kind) {
    case Kind::Empty: return add_empty(from, to);
    case Kind::Nothing: return count_edge();
    case Kind::Text: return add_text(expression.bytes, from, to);
    case Kind::Characters: return add_characters(expression.points, from, to);
    case Kind::Sequence:
      for (size_t i = 0; i < expression.parts.size(); ++i) {
        const StateId next = i + 1 == expression.parts.size() ? to : new_state();
        add(expression.parts[i], from, next);
        from = next;
      }
      if (expression.parts.empty()) add_empty(from, to);
      return;
    case Kind::AnyOf:
      for (const Node part : expression.parts) add(part, from, to);
      return;
    case Kind::Repeat: return add_repeat(expression, from, to);
    case Kind::Automaton: return add_automaton(builder_.automata_[expression.index], from, to);
    case Kind::Reference:
      count_edge();
      const StateId start = start_of(expression.index);
      grammar_.states[from].calls.push_back({start, to, false});
      return;
  }
}

void GrammarAssembler::add_text(const std::string& bytes, StateId from, StateId to) {
  if (bytes.empty()) return add_empty(from, to);
  for (size_t i = 0; i < bytes.size(); ++i) {
    const StateId next = i + 1 == bytes.size() ? to : new_state();
    add_byte(from, static_cast<uint8_t>(bytes[i]), static_cast<uint8_t>(bytes[i]), next);
    from = next;
  }
}

void GrammarAssembler::add_characters(const CodePoints& points, StateId from, StateId to) {
  for (const CodePointRange& range : points.ranges()) {
    uint32_t first = range.first;
    for (const uint32_t last : {0x7Fu, 0x7FFu, 0xFFFFu, 0x10FFFFu}) {  // one length at a time
      if (first > range.last) break;
      if (first > last) continue;
      add_utf8_range(first, std::min(last, range.last), from, to);
      first = last + 1;
    }
  }
}

// Splits so that in each piece all bytes after the first that differs run over all their values.
void GrammarAssembler::add_utf8_range(uint32_t first, uint32_t last, StateId from, StateId to) {
  for (int bits = 6; bits <= 18; bits += 6) {
    const uint32_t mask = (1u << bits) - 1;
    if ((first & ~mask) == (last & ~mask)) continue;
    if ((first & mask) != 0) {
      add_utf8_range(first, first | mask, from, to);
      return add_utf8_range((first | mask) + 1, last, from, to);
    }
    if ((last & mask) != mask) {
      add_utf8_range(first, (last & ~mask) - 1, from, to);
      return add_utf8_range(last & ~mask, last, from, to);
    }
  }
  std::string low, high;
  append_utf8(low, first);
  append_utf8(high, last);
  add_byte_ranges(reinterpret_cast<const uint8_t*>(low.data()), reinterpret_cast<const uint8_t*>(high.data()),
                  static_cast<int>(low.size()), from, to);
}

void GrammarAssembler::add_byte_ranges(const uint8_t* first, const uint8_t* last, int length, StateId from,
                                       StateId to) {
  for (int i = length - 1; i > 0; --i) {
    const auto [entry, is_new] = suffixes_.try_emplace({first[i], last[i], to}, kNone);
    if (is_new) {
      entry->second = new_state();
      add_byte(entry->second, first[i], last[i], to);
    }
    to = entry->second;
  }
  add_byte(from, first[0], last[0], to);
}

// Copies that are further than kAlikeBytes from the minimum and from the maximum are alike, as each reads a byte at least.
void GrammarAssembler::add_repeat(const GrammarBuilder::Expression& expression, StateId from, StateId to) {
  const Node part = expression.parts[0];
  const bool counts_bytes =
      expression.maximum.value_or(expression.minimum) > Grammar::kAlikeBytes && !may_be_empty(part, 8);
  std::map<std::pair<uint32_t, uint32_t>, StateId> first;  // by what is left to the minimum and to the maximum
  const auto add_copy = [&](uint32_t number) {
    const StateId next = new_state();
    add(part, from, next);
    from = next;
    if (!counts_bytes) return;
    const uint32_t to_minimum = number < expression.minimum ? expression.minimum - number : 0;
    const uint32_t to_maximum = expression.maximum ? *expression.maximum - number : UINT32_MAX;
    const uint32_t far = Grammar::kAlikeBytes + 1;
    grammar_.states[next].alike =
        first.try_emplace({std::min(to_minimum, far), std::min(to_maximum, far)}, next).first->second;
  };
  for (uint32_t i = 0; i < expression.minimum; ++i) add_copy(i + 1);
  if (!expression.maximum) {
    const StateId loop = new_state();
    add_empty(from, loop);
    add(part, loop, loop);
    return add_empty(loop, to);
  }
  add_empty(from, to);
  for (uint32_t i = expression.minimum; i < *expression.maximum; ++i) {
    add_copy(i + 1);
    add_empty(from, to);
  }
}

bool GrammarAssembler::may_be_empty(Node node, int depth) const {
  using Kind = GrammarBuilder::Kind;
  if (depth == 0) return true;
  const GrammarBuilder::Expression& expression = builder_.nodes_[node.id];
  const auto part_may = [&](Node part) { return may_be_empty(part, depth - 1); };
  switch (expression.kind) {
    case Kind::Text: return expression.bytes.empty();
    case Kind::Nothing:
    case Kind::Characters: return false;
    case Kind::Sequence: return std::all_of(expression.parts.begin(), expression.parts.end(), part_may);
    case Kind::AnyOf: return std::any_of(expression.parts.begin(), expression.parts.end(), part_may);
    case Kind::Repeat: return expression.minimum == 0 || part_may(expression.parts[0]);
    case Kind::Reference: {
      const std::optional<Node>& body = builder_.rules_[expression.index].body;
      return !body || part_may(*body);
    }
    case Kind::Empty:
    case Kind::Automaton: return true;
  }
  return true;
}

void GrammarAssembler::add_automaton(const GrammarBuilder::Automaton& automaton, StateId from, StateId to) {
  std::vector<StateId> states;
  for (size_t i = 0; i < automaton.states.size(); ++i) states.push_back(new_state());
  for (size_t i = 0; i < automaton.alike.size(); ++i) grammar_.states[states[i]].alike = states[automaton.alike[i]];
  add_empty(from, states[0]);
  for (size_t i = 0; i < automaton.states.size(); ++i) {
    if (automaton.states[i].final) add_empty(states[i], to);
    for (const GrammarBuilder::Automaton::Edge& edge : automaton.states[i].edges) {
      add(edge.label, states[i], states[edge.target]);
    }
  }
}

// What can be left to do further away than kAlikeBytes shows in how deep it nests.
void GrammarAssembler::check_alike() {
  for (StateId id = 0; id < grammar_.states.size(); ++id) {
    Grammar::State& state = grammar_.states[id];
    if (grammar_.states[state.alike].need != state.need) state.alike = id;
  }
}

// Without these, a right-recursive list would nest as deep as it is long.
void GrammarAssembler::mark_tail_calls() {
  const auto only_ends = [&](StateId id) {
    for (int steps = 0; steps < 8; ++steps) {
      const Grammar::State& state = grammar_.states[id];
      if (!state.bytes.empty() || !state.calls.empty() || state.empty.size() > 1) return false;
      if (state.empty.empty()) return state.final;
      if (state.final) return false;
      id = state.empty[0];
    }
    return false;
  };
  for (Grammar::State& state : grammar_.states) {
    for (Grammar::Call& call : state.calls) call.tail = only_ends(call.back);
  }
}

// Dijkstra's algorithm from the ends backwards: a call needs one rule more than the rule called, unless it is a tail call.
void GrammarAssembler::compute_need() {
  std::vector<Grammar::State>& states = grammar_.states;
  struct Incoming {
    std::vector<StateId> plain;
    std::vector<std::pair<StateId, uint32_t>> calls;  // caller and which of its calls
  };
  std::vector<Incoming> incoming(states.size());
  using Entry = std::pair<uint32_t, StateId>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
  for (StateId id = 0; id < states.size(); ++id) {
    for (const Grammar::ByteEdge& edge : states[id].bytes) incoming[edge.target].plain.push_back(id);
    for (const StateId target : states[id].empty) incoming[target].plain.push_back(id);
    for (uint32_t i = 0; i < states[id].calls.size(); ++i) {
      incoming[states[id].calls[i].start].calls.emplace_back(id, i);
      incoming[states[id].calls[i].back].calls.emplace_back(id, i);
    }
    if (states[id].final) queue.emplace(0, id);
  }
  while (!queue.empty()) {
    const auto [need, id] = queue.top();
    queue.pop();
    if (states[id].need != Grammar::kNever) continue;
    states[id].need = need;
    for (const StateId from : incoming[id].plain) queue.emplace(need, from);
    for (const auto& [from, index] : incoming[id].calls) {
      const Grammar::Call& call = states[from].calls[index];
      const uint32_t inside = states[call.start].need, after = states[call.back].need;
      if (inside == Grammar::kNever || after == Grammar::kNever) continue;
      queue.emplace(std::max(inside + (call.tail ? 0 : 1), after), from);
    }
  }
}

// States from which the rule's end is reached without reading a byte.
std::vector<bool> GrammarAssembler::nullable_states() const {
  const std::vector<Grammar::State>& states = grammar_.states;
  std::vector<std::vector<StateId>> dependants(states.size());
  std::vector<StateId> work;
  for (StateId id = 0; id < states.size(); ++id) {
    for (const StateId target : states[id].empty) dependants[target].push_back(id);
    for (const Grammar::Call& call : states[id].calls) {
      dependants[call.start].push_back(id);
      dependants[call.back].push_back(id);
    }
    if (states[id].final) work.push_back(id);
  }
  std::vector<bool> nullable(states.size());
  while (!work.empty()) {
    const StateId id = work.back();
    work.pop_back();
    if (nullable[id]) continue;
    nullable[id] = true;
    for (const StateId from : dependants[id]) {
      if (nullable[from]) continue;
      const Grammar::State& state = states[from];
      const bool now =
          std::any_of(state.empty.begin(), state.empty.end(), [&](StateId target) { return nullable[target]; }) ||
          std::any_of(state.calls.begin(), state.calls.end(),
                      [&](const Grammar::Call& call) { return nullable[call.start] && nullable[call.back]; });
      if (now) work.push_back(from);
    }
  }
  return nullable;
}

// A cycle of states that reads nothing and goes through the start of a rule that is called: such a rule would nest for ever.
void GrammarAssembler::refuse_left_recursion() const {
  const std::vector<Grammar::State>& states = grammar_.states;
  const std::vector<bool> nullable = nullable_states();
  // Which rules a rule may call before it reads anything.
  std::map<StateId, uint32_t> rule_of;
  for (uint32_t rule = 0; rule < rule_start_.size(); ++rule) {
    if (rule_start_[rule] != kNone) rule_of[rule_start_[rule]] = rule;
  }
  std::vector<std::vector<uint32_t>> first_calls(rule_start_.size());
  std::vector<uint32_t> seen(states.size(), UINT32_MAX);
  for (const auto& [start, rule] : rule_of) {
    std::vector<StateId> work = {start};
    while (!work.empty()) {
      const StateId id = work.back();
      work.pop_back();
      if (seen[id] == rule || states[id].need == Grammar::kNever) continue;
      seen[id] = rule;
      work.insert(work.end(), states[id].empty.begin(), states[id].empty.end());
      for (const Grammar::Call& call : states[id].calls) {
        if (states[call.start].need == Grammar::kNever || states[call.back].need == Grammar::kNever) continue;
        first_calls[rule].push_back(rule_of.at(call.start));
        if (nullable[call.start]) work.push_back(call.back);
      }
    }
  }
  enum : uint8_t { kNew, kOpen, kDone };
  std::vector<uint8_t> mark(rule_start_.size(), kNew);
  for (uint32_t root = 0; root < mark.size(); ++root) {
    if (mark[root] != kNew) continue;
    std::vector<std::pair<uint32_t, size_t>> path = {{root, 0}};
    mark[root] = kOpen;
    while (!path.empty()) {
      auto& [rule, next] = path.back();
      if (next == first_calls[rule].size()) {
        mark[rule] = kDone;
        path.pop_back();
        continue;
      }
      const uint32_t callee = first_calls[rule][next++];
      if (mark[callee] == kOpen) {
        fail("rule ", builder_.rules_[callee].name, " is left-recursive: it begins with itself",
             callee == rule ? std::string() : cat(" by way of ", builder_.rules_[rule].name),
             ", so it would never read anything");
      }
      if (mark[callee] == kNew) mark[callee] = kOpen, path.emplace_back(callee, 0);
    }
  }
}

void GrammarAssembler::classify_bytes() {
  std::bitset<257> starts;
  starts[0] = true;
  for (const Grammar::State& state : grammar_.states) {
    for (const Grammar::ByteEdge& edge : state.bytes) starts[edge.first] = starts[size_t{edge.last} + 1] = true;
  }
  uint32_t current = 0;
  for (size_t byte = 0; byte < 256; ++byte) {
    if (byte > 0 && starts[byte]) ++current;
    grammar_.byte_class[byte] = static_cast<uint8_t>(current);
  }
  grammar_.class_count = current + 1;
}

}  // namespace paceline::constrain

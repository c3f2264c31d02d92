#include "text/constrain/text_language.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/utf8.h"
#include "text/constrain/work_budget.h"

namespace paceline::constrain {

namespace {

void check_size(size_t states) {
  if (states > TextLanguage::kMostStates) {
    fail("too large: these texts need more than ", TextLanguage::kMostStates, " states to tell apart");
  }
}

// Joins edges with the same target, so that states stay small.
void add_edge(TextLanguage::State& state, const CodePoints& points, uint32_t target) {
  for (TextLanguage::Edge& edge : state.edges) {
    if (edge.target == target) return edge.points.add(points);
  }
  state.edges.push_back({points, target});
}

}  // namespace

TextLanguage TextLanguage::any() {
  TextLanguage language;
  language.states_ = {{{{CodePoints::all(), 0}}, true}};
  return language;
}

TextLanguage TextLanguage::without_any_of(std::span<const std::string> texts) {
  Loose holding;
  holding.states.resize(2);
  holding.end = 1;
  for (const uint32_t id : {0u, 1u}) holding.states[id].edges.push_back({CodePoints::all(), id});
  for (const std::string& text : texts) {
    uint32_t at = 0;
    for (std::string_view rest = text; !rest.empty();) {
      const CodePoint point = decode_utf8(rest);
      rest.remove_prefix(static_cast<size_t>(point.length));
      const uint32_t target = rest.empty() ? holding.end : static_cast<uint32_t>(holding.states.size());
      holding.states[at].edges.push_back({CodePoints::one(point.value), target});
      if (!rest.empty()) holding.states.emplace_back();
      at = target;
    }
  }
  return determine(holding).complement();
}

TextLanguage TextLanguage::length(uint64_t minimum, std::optional<uint64_t> maximum) {
  const uint64_t last = maximum.value_or(minimum);
  if (maximum && minimum > *maximum) return TextLanguage().complete();
  if (last >= kMostStates) check_size(kMostStates + 1);
  TextLanguage language;
  for (uint64_t i = 0; i <= last; ++i) {
    State state;
    state.final = i >= minimum;
    if (i < last) state.edges.push_back({CodePoints::all(), static_cast<uint32_t>(i + 1)});
    else if (!maximum) state.edges.push_back({CodePoints::all(), static_cast<uint32_t>(i)});
    language.states_.push_back(std::move(state));
  }
  return language;
}

TextLanguage TextLanguage::one_of(std::span<const std::string> texts) {
  TextLanguage language;
  language.states_.emplace_back();
  std::vector<std::map<uint32_t, uint32_t>> next(1);
  for (const std::string& text : texts) {
    uint32_t at = 0;
    for (std::string_view rest = text; !rest.empty();) {
      const CodePoint point = decode_utf8(rest);
      rest.remove_prefix(static_cast<size_t>(point.length));
      const auto [entry, is_new] = next[at].try_emplace(point.value, static_cast<uint32_t>(next.size()));
      const uint32_t target = entry->second;
      if (is_new) {
        check_size(next.size());
        language.states_[at].edges.push_back({CodePoints::one(point.value), target});
        language.states_.emplace_back();
        next.emplace_back();
      }
      at = target;
    }
    language.states_[at].final = true;
  }
  return language;
}

TextLanguage TextLanguage::complete() const {
  WorkBudget::spend(states_.size());
  TextLanguage result = *this;
  if (result.states_.empty()) result.states_.emplace_back();
  const uint32_t nowhere = static_cast<uint32_t>(result.states_.size());
  for (State& state : result.states_) {
    CodePoints known;
    for (const Edge& edge : state.edges) known.add(edge.points);
    CodePoints rest = known.complement();
    if (!rest.empty()) state.edges.push_back({std::move(rest), nowhere});
  }
  result.states_.push_back({{{CodePoints::all(), nowhere}}, false});
  return result;
}

TextLanguage TextLanguage::complement() const {
  TextLanguage result = complete();
  for (State& state : result.states_) state.final = !state.final;
  result.trim();
  return result;
}

TextLanguage TextLanguage::both(const TextLanguage& other) const { return join(other, Join::Both); }

TextLanguage TextLanguage::either(const TextLanguage& other) const {
  return complete().join(other.complete(), Join::Either);
}

TextLanguage TextLanguage::join(const TextLanguage& other, Join how) const {
  TextLanguage result;
  if (states_.empty() || other.states_.empty()) return TextLanguage();
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> ids = {{{0, 0}, 0}};
  std::vector<std::pair<uint32_t, uint32_t>> pairs = {{0, 0}};
  for (size_t i = 0; i < pairs.size(); ++i) {
    const State &a = states_[pairs[i].first], &b = other.states_[pairs[i].second];
    WorkBudget::spend(1 + a.edges.size() * b.edges.size());
    State state;
    state.final = how == Join::Both ? a.final && b.final : a.final || b.final;
    for (const Edge& left : a.edges) {
      for (const Edge& right : b.edges) {
        CodePoints points = left.points.intersect(right.points);
        if (points.empty()) continue;
        const std::pair pair(left.target, right.target);
        const auto [entry, is_new] = ids.try_emplace(pair, static_cast<uint32_t>(pairs.size()));
        if (is_new) pairs.push_back(pair), check_size(pairs.size());
        add_edge(state, points, entry->second);
      }
    }
    result.states_.push_back(std::move(state));
  }
  result.trim();
  return result;
}

void TextLanguage::trim() {
  std::vector<std::vector<uint32_t>> incoming(states_.size());
  std::vector<uint32_t> work;
  for (uint32_t i = 0; i < states_.size(); ++i) {
    for (const Edge& edge : states_[i].edges) incoming[edge.target].push_back(i);
    if (states_[i].final) work.push_back(i);
  }
  std::vector<bool> useful(states_.size());
  while (!work.empty()) {
    const uint32_t id = work.back();
    work.pop_back();
    if (useful[id]) continue;
    useful[id] = true;
    work.insert(work.end(), incoming[id].begin(), incoming[id].end());
  }
  if (states_.empty() || !useful[0]) {
    states_.assign(1, {});
    return;
  }
  std::vector<uint32_t> renumbered(states_.size());
  std::vector<State> kept;
  for (uint32_t i = 0; i < states_.size(); ++i) {
    renumbered[i] = static_cast<uint32_t>(kept.size());
    if (useful[i]) kept.push_back(std::move(states_[i]));
  }
  for (State& state : kept) {
    std::erase_if(state.edges, [&](const Edge& edge) { return !useful[edge.target]; });
    for (Edge& edge : state.edges) edge.target = renumbered[edge.target];
  }
  states_ = std::move(kept);
}

bool TextLanguage::empty() const {
  return std::none_of(states_.begin(), states_.end(), [](const State& state) { return state.final; });
}

// Each round tells apart what one code point more does.
std::vector<uint32_t> TextLanguage::alike(uint32_t length) const {
  using Signature = std::vector<std::pair<uint32_t, uint32_t>>;  // label and class of the target of each edge
  std::map<std::vector<std::pair<uint32_t, uint32_t>>, uint32_t> labels;
  std::vector<std::vector<uint32_t>> edge_labels;
  std::vector<uint32_t> classes;
  for (uint32_t i = 0; i < states_.size(); ++i) {
    std::vector<uint32_t>& own = edge_labels.emplace_back();
    for (const Edge& edge : states_[i].edges) {
      std::vector<std::pair<uint32_t, uint32_t>> ranges;
      for (const CodePointRange& range : edge.points.ranges()) ranges.emplace_back(range.first, range.last);
      own.push_back(labels.try_emplace(std::move(ranges), static_cast<uint32_t>(labels.size())).first->second);
    }
    classes.push_back(states_[i].final ? 1 : 0);
  }
  size_t count = 0;
  for (uint32_t round = 0; round < length; ++round) {
    WorkBudget::spend(states_.size());
    std::map<std::pair<uint32_t, Signature>, uint32_t> made;
    std::vector<uint32_t> next;
    for (uint32_t i = 0; i < states_.size(); ++i) {
      Signature signature;
      for (size_t e = 0; e < edge_labels[i].size(); ++e)
        signature.emplace_back(edge_labels[i][e], classes[states_[i].edges[e].target]);
      std::sort(signature.begin(), signature.end());
      next.push_back(
          made.try_emplace({classes[i], std::move(signature)}, static_cast<uint32_t>(made.size())).first->second);
    }
    classes = std::move(next);
    if (made.size() == count) break;
    count = made.size();
  }
  std::vector<uint32_t> result;
  std::vector<uint32_t> first(states_.size() + 2, UINT32_MAX);
  for (uint32_t i = 0; i < states_.size(); ++i) {
    if (first[classes[i]] == UINT32_MAX) first[classes[i]] = i;
    result.push_back(first[classes[i]]);
  }
  return result;
}

bool TextLanguage::contains(std::string_view text) const {
  if (states_.empty()) return false;
  uint32_t at = 0;
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    text.remove_prefix(static_cast<size_t>(point.length));
    const State& state = states_[at];
    const auto edge = std::find_if(state.edges.begin(), state.edges.end(),
                                   [&](const Edge& candidate) { return candidate.points.contains(point.value); });
    if (edge == state.edges.end()) return false;
    at = edge->target;
  }
  return states_[at].final;
}

TextLanguage TextLanguage::determine(const Loose& loose) {
  using Set = std::vector<uint32_t>;
  const auto close = [&](Set work) {
    std::set<uint32_t> seen;
    while (!work.empty()) {
      const uint32_t id = work.back();
      work.pop_back();
      if (!seen.insert(id).second) continue;
      work.insert(work.end(), loose.states[id].empty.begin(), loose.states[id].empty.end());
    }
    return Set(seen.begin(), seen.end());
  };
  TextLanguage result;
  std::map<Set, uint32_t> ids;
  std::vector<Set> sets = {close({loose.start})};
  ids[sets[0]] = 0;
  size_t work_done = 0;
  for (size_t i = 0; i < sets.size(); ++i) {
    State state;
    state.final = std::binary_search(sets[i].begin(), sets[i].end(), loose.end);
    std::map<uint32_t, Set> starts;  // where something changes, and the edges that begin or end there
    std::vector<const Edge*> edges;
    for (const uint32_t id : sets[i]) {
      for (const Edge& edge : loose.states[id].edges) {
        edges.push_back(&edge);
        for (const CodePointRange& range : edge.points.ranges()) starts[range.first], starts[range.last + 1];
      }
    }
    const size_t work = edges.size() * starts.size() + sets[i].size();
    WorkBudget::spend(work);
    work_done += work;
    if (work_done > 10'000'000) fail("too large: this pattern takes too long to compile");
    for (auto start = starts.begin(); start != starts.end(); ++start) {
      const auto next = std::next(start);
      if (next == starts.end()) break;
      Set targets;
      for (const Edge* edge : edges) {
        if (edge->points.contains(start->first)) targets.push_back(edge->target);
      }
      if (targets.empty()) continue;
      Set closed = close(std::move(targets));
      const auto [entry, is_new] = ids.try_emplace(closed, static_cast<uint32_t>(sets.size()));
      if (is_new) sets.push_back(std::move(closed)), check_size(sets.size());
      add_edge(state, {start->first, next->first - 1}, entry->second);
    }
    result.states_.push_back(std::move(state));
  }
  result.trim();
  return result;
}

}  // namespace paceline::constrain

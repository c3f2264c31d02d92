#include "text/special_matcher.h"

#include <algorithm>
#include <map>
#include <queue>

namespace paceline {

int SpecialMatcher::child(int node, unsigned char byte) const {
  if (node == 0) return roots_[byte];
  int next = nodes_[static_cast<size_t>(node)].first_child;
  while (next >= 0 && nodes_[static_cast<size_t>(next)].byte != byte)
    next = nodes_[static_cast<size_t>(next)].next_sibling;
  return next;
}

void SpecialMatcher::add(std::string_view text, Token token) {
  if (text.empty()) return;
  int node = 0;
  for (const char character : text) {
    const unsigned char byte = static_cast<unsigned char>(character);
    int next = child(node, byte);
    if (next < 0) {
      next = static_cast<int>(nodes_.size());
      Node created;
      created.byte = byte;
      if (node == 0) {
        roots_[byte] = next;
      } else {
        created.next_sibling = nodes_[static_cast<size_t>(node)].first_child;
        nodes_[static_cast<size_t>(node)].first_child = next;
      }
      nodes_.push_back(created);
    }
    node = next;
  }
  nodes_[static_cast<size_t>(node)].token = token;
}

SpecialMatcher::Match SpecialMatcher::longest(std::string_view text, size_t start, size_t length_limit) const {
  Match match{start, 0, -1};
  const size_t end = start + std::min(length_limit, text.size() - start);
  int node = 0;
  for (size_t at = start; at < end; ++at) {
    node = child(node, static_cast<unsigned char>(text[at]));
    if (node < 0) break;
    const Token token = nodes_[static_cast<size_t>(node)].token;
    if (token >= 0) match.length = at + 1 - start, match.token = token;
  }
  return match;
}

std::vector<SpecialMatcher::Match> SpecialMatcher::find(std::string_view text) const {
  const auto worse = [](const Match& a, const Match& b) {
    return a.length != b.length ? a.length < b.length : a.start > b.start;
  };
  std::priority_queue<Match, std::vector<Match>, decltype(worse)> queue(worse);
  if (!empty())
    for (size_t start = 0; start < text.size(); ++start)
      if (const Match match = longest(text, start, text.size()); match.token >= 0) queue.push(match);
  std::map<size_t, Match> taken;  // by start
  while (!queue.empty()) {
    const Match match = queue.top();
    queue.pop();
    const auto after = taken.lower_bound(match.start);
    if (after != taken.begin()) {
      const Match& before = std::prev(after)->second;
      if (before.start + before.length > match.start) continue;
    }
    if (after == taken.end() || after->first >= match.start + match.length) {
      taken.emplace_hint(after, match.start, match);
    } else if (after->first > match.start) {  // something shorter may still fit before it
      if (const Match shorter = longest(text, match.start, after->first - match.start); shorter.token >= 0)
        queue.push(shorter);
    }
  }
  std::vector<Match> matches;
  for (const auto& [start, match] : taken) matches.push_back(match);
  return matches;
}

}  // namespace paceline

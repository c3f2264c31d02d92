#include "engine/prefix_cache.h"

#include <algorithm>

namespace paceline {

struct PrefixCache::Node {
  Node* parent = nullptr;
  std::vector<std::unique_ptr<Node>> children;
  std::vector<Token> tokens;  // since the parent's end
  int end = 0;  // position
  StateSnapshot state;
  std::vector<float> hidden;
  uint64_t last_used = 0;

  uint64_t bytes() const {
    return state.bytes() + hidden.size() * sizeof(float) + tokens.size() * sizeof(Token) + sizeof(Node);
  }
};

uint64_t cache_limit_bytes(int64_t wanted, uint64_t room) {
  constexpr uint64_t kMost = uint64_t{4} << 30;
  return wanted >= 0 ? static_cast<uint64_t>(wanted) : std::min(room / 8, kMost);
}

PrefixCache::PrefixCache(Device& device, uint64_t limit_bytes) : device_(device), root_(std::make_unique<Node>()) {
  stats_.limit_bytes = limit_bytes;
}

PrefixCache::~PrefixCache() = default;

PrefixCache::Node* PrefixCache::find(Node& from, std::span<const Token> tokens) {
  Node* best = &from;
  for (const auto& child : from.children) {
    const size_t count = child->tokens.size();
    if (count > tokens.size() || !std::equal(child->tokens.begin(), child->tokens.end(), tokens.begin())) continue;
    Node* found = find(*child, tokens.subspan(count));
    if (found->end > best->end) best = found;
  }
  return best;
}

void PrefixCache::touch(Node* node) {
  ++clock_;
  for (; node != nullptr; node = node->parent) node->last_used = clock_;
}

int PrefixCache::restore(Sequence& sequence) {
  PACELINE_ASSERT(sequence.state.length() == 0 && sequence.in_prompt());
  Node* const found = find(*root_, std::span(sequence.tokens).first(sequence.tokens.size() - 1));
  if (found == root_.get()) {
    ++stats_.misses;
    return 0;
  }
  ++stats_.hits;
  touch(found);
  std::vector<const Node*> path;
  for (const Node* node = found; node != root_.get(); node = node->parent) path.push_back(node);
  for (auto node = path.rbegin(); node != path.rend(); ++node) sequence.state.restore_kv((*node)->state);
  sequence.state.restore_recurrent(found->state);
  device_.write(sequence.kept_hidden.row_range(0, 1), found->hidden.data());
  sequence.kept_count = 0;
  return found->end;
}

void PrefixCache::keep(const Sequence& sequence, int hidden_row, int least_gain) {
  const std::span<const Token> tokens = std::span(sequence.tokens).first(static_cast<size_t>(sequence.state.length()));
  Node* const parent = find(*root_, tokens);
  const int end = static_cast<int>(tokens.size());
  if (end - parent->end < std::max(1, least_gain)) return touch(parent);
  // The draft head pairs a state with the token behind it, so its row at the parent's last position belongs to this branch.
  const int first = std::max(0, parent->end - 1);
  if (sequence.state.snapshot_bytes(first) > stats_.limit_bytes) return;
  auto node = std::make_unique<Node>();
  node->parent = parent;
  node->tokens.assign(tokens.begin() + parent->end, tokens.end());
  node->end = end;
  node->state = sequence.state.snapshot(first);
  const Tensor hidden = sequence.kept_hidden.row_range(hidden_row, 1);
  node->hidden.resize(static_cast<size_t>(hidden.cols));
  device_.read(node->hidden.data(), hidden);
  stats_.bytes += node->bytes();
  ++stats_.entries;
  touch(node.get());
  const Node* const spared = node.get();
  parent->children.push_back(std::move(node));
  shrink(spared);
}

PrefixCache::Node* PrefixCache::oldest_leaf(Node& from, const Node* spared) {
  Node* oldest = nullptr;
  for (const auto& child : from.children) {
    Node* const leaf = child->children.empty() ? child.get() : oldest_leaf(*child, spared);
    if (leaf == nullptr || leaf == spared) continue;
    if (oldest == nullptr || leaf->last_used < oldest->last_used) oldest = leaf;
  }
  return oldest;
}

void PrefixCache::remove(Node* node) {
  stats_.bytes -= node->bytes();
  --stats_.entries;
  ++stats_.evictions;
  std::erase_if(node->parent->children, [&](const auto& child) { return child.get() == node; });
}

// The branch of `spared` may be larger than the limit by itself; then it goes too, from its end.
void PrefixCache::shrink(const Node* spared) {
  while (stats_.bytes > stats_.limit_bytes) {
    Node* leaf = oldest_leaf(*root_, spared);
    if (leaf == nullptr) leaf = oldest_leaf(*root_, nullptr);
    remove(leaf);
  }
}

}  // namespace paceline

#include "text/constrain/mask_maker.h"

#include <algorithm>

namespace paceline::constrain {

MaskMaker::MaskMaker(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const ConstraintVocabulary> vocabulary)
    : vocabulary_(std::move(vocabulary)), matcher_(std::move(grammar)) {
  uint32_t depth = 0;
  const auto& nodes = vocabulary_->nodes();
  for (uint32_t id = 0; id + 1 < nodes.size(); ++id) {
    depth = std::max<uint32_t>(depth, nodes[id].depth);
    if (nodes[id].depth == Grammar::kAlikeBytes && nodes[id].subtree_end > id + 1) long_.push_back(id);
  }
  path_.resize(depth + 1);
}

bool MaskMaker::is_wide(StateId state) {
  const auto [entry, is_new] = wide_.try_emplace(state, false);
  if (is_new) {
    int bytes = 0;
    for (const Grammar::ByteEdge& edge : matcher_.grammar()->states[state].bytes) bytes += edge.last - edge.first + 1;
    entry->second = bytes >= 64;
  }
  return entry->second;
}

void MaskMaker::add_tokens(uint32_t node, Mask& mask) const {
  const auto& nodes = vocabulary_->nodes();
  for (uint32_t i = nodes[node].first_token; i < nodes[node + 1].first_token; ++i) {
    const size_t token = static_cast<size_t>(vocabulary_->sorted_tokens()[i]);
    mask[token / 32] |= 1u << (token % 32);
  }
}

void MaskMaker::walk(SetId set, uint32_t root, Mask& mask) {
  const auto& nodes = vocabulary_->nodes();
  path_[nodes[root].depth] = set;
  for (uint32_t node = root + 1; node < nodes[root].subtree_end;) {
    const uint32_t depth = nodes[node].depth;
    const SetId next = matcher_.step(path_[depth - 1], nodes[node].byte);
    if (next == Matcher::kDead) {
      node = nodes[node].subtree_end;
      continue;
    }
    path_[depth] = next;
    add_tokens(node, mask);
    ++node;
  }
}

void MaskMaker::read_long_tokens(SetId set, Mask& mask) {
  const auto& nodes = vocabulary_->nodes();
  for (const uint32_t node : long_) {
    const Token token = vocabulary_->sorted_tokens()[nodes[node + 1].first_token];
    const SetId at = matcher_.read(set, vocabulary_->bytes(token).substr(0, Grammar::kAlikeBytes));
    if (at != Matcher::kDead) walk(at, node, mask);
  }
}

std::shared_ptr<const MaskMaker::Local> MaskMaker::local(StateId state) {
  state = matcher_.grammar()->states[state].alike;
  if (const auto known = locals_.find(state); known != locals_.end()) return known->second;
  auto local = std::make_shared<Local>();
  local->mask.resize(vocabulary_->mask_words());
  const auto& nodes = vocabulary_->nodes();
  size_t behind = 0;
  path_[0] = matcher_.alone(state);
  for (uint32_t node = 1; node < nodes[0].subtree_end;) {
    const uint32_t depth = nodes[node].depth;
    const SetId next = matcher_.step(path_[depth - 1], nodes[node].byte);
    local->reach = std::max(local->reach, matcher_.reach(next));
    if (matcher_.popped(next)) {
      local->pops.push_back(node);
      behind += nodes[node].subtree_end - node;
    }
    if (!matcher_.can_continue(next)) {
      node = nodes[node].subtree_end;
      continue;
    }
    path_[depth] = next;
    add_tokens(node, local->mask);
    node = depth == Grammar::kAlikeBytes ? nodes[node].subtree_end : node + 1;
  }
  local->is_worthwhile = behind < nodes.size() / 4;
  if (!local->is_worthwhile) local->mask.clear(), local->pops.clear();
  if (locals_.size() >= kMostLocals) locals_.clear();
  return locals_[state] = std::move(local);
}

bool MaskMaker::add_wide(const Matcher::Place& place, Mask& mask) {
  const std::shared_ptr<const Local> part = local(place.state);
  if (!part->is_worthwhile) return false;
  // Near the limit of nesting a rule's inside does depend on what is around it.
  if (matcher_.depth(place.stack) + part->reach > matcher_.grammar()->nesting) return false;
  for (size_t word = 0; word < mask.size(); ++word) mask[word] |= part->mask[word];
  const SetId below = matcher_.below(place.stack);
  for (const uint32_t node : part->pops) {
    add_tokens(node, mask);
    walk(below, node, mask);
  }
  return true;
}

// Spends the matcher's work from what is left, also when that is not enough.
class MaskMaker::Spending {
 public:
  explicit Spending(MaskMaker& maker) : maker_(maker), before_(maker.matcher_.work()) {
    maker.work_left_ = std::min(kMostWork, maker.work_left_ + kUsualWork);
    maker.matcher_.limit_work(before_ + maker.work_left_);
  }
  ~Spending() {
    maker_.work_left_ -= std::min(maker_.work_left_, maker_.matcher_.work() - before_);
    maker_.matcher_.limit_work(UINT64_MAX);
  }
  Spending(const Spending&) = delete;
  Spending& operator=(const Spending&) = delete;

 private:
  MaskMaker& maker_;
  uint64_t before_;
};

std::shared_ptr<const MaskMaker::Mask> MaskMaker::mask(SetId set) {
  if (const auto known = masks_.find(set); known != masks_.end()) return known->second;
  const Spending spending(*this);
  auto mask = std::make_shared<Mask>(vocabulary_->mask_words());
  const std::vector<Matcher::Place> places = matcher_.places(set);
  std::vector<Matcher::Place> others;
  for (const Matcher::Place& place : places) {
    if (!is_wide(place.state) || !add_wide(place, *mask)) others.push_back(place);
  }
  if (others.size() < places.size()) read_long_tokens(set, *mask);
  if (!others.empty()) walk(matcher_.only(std::move(others)), 0, *mask);
  if (matcher_.can_end(set)) {
    for (const Token token : vocabulary_->end_tokens()) (*mask)[static_cast<size_t>(token) / 32] |= 1u << (token % 32);
  }
  if (masks_.size() >= kMostMasks) masks_.clear();
  return masks_[set] = std::move(mask);
}

std::shared_ptr<const MaskMaker::Mask> MaskMaker::end_mask() {
  if (!end_mask_) {
    auto mask = std::make_shared<Mask>(vocabulary_->mask_words());
    for (const Token token : vocabulary_->end_tokens()) (*mask)[static_cast<size_t>(token) / 32] |= 1u << (token % 32);
    end_mask_ = std::move(mask);
  }
  return end_mask_;
}

}  // namespace paceline::constrain

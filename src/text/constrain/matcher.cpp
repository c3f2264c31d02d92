#include "text/constrain/matcher.h"

#include <algorithm>

#include "base/error.h"

namespace paceline::constrain {

Matcher::Matcher(std::shared_ptr<const Grammar> grammar) : grammar_(std::move(grammar)) {
  stacks_ = {{0, 0, 0}, {0, 0, 0}};  // kBottom, kUnknown
  sets_.emplace_back();
  follow({0, kBottom});
  start_ = finish();
}

SetId Matcher::read(SetId set, std::string_view bytes) {
  for (const char byte : bytes) {
    if (set == kDead) break;
    set = step(set, static_cast<uint8_t>(byte));
  }
  return set;
}

SetId Matcher::learn(SetId set, uint8_t byte) {
  // Places are copied: following them may move the sets.
  const std::vector<Place> places = sets_[set].places;
  work_done_ += places.size();
  for (const Place& place : places) {
    for (const Grammar::ByteEdge& edge : grammar_->states[place.state].bytes) {
      if (edge.first <= byte && byte <= edge.last) follow({edge.target, place.stack});
    }
  }
  const SetId next = finish();
  if (sets_[set].next.empty()) {
    sets_[set].next.assign(grammar_->class_count, kNotKnown);
    memory_bytes_ += grammar_->class_count * sizeof(SetId);
  }
  sets_[set].next[grammar_->byte_class[byte]] = next;
  return next;
}

StackId Matcher::push(StateId back, StackId below) {
  const auto [entry, is_new] =
      stack_ids_.try_emplace(uint64_t{back} << 32 | below, static_cast<StackId>(stacks_.size()));
  if (is_new) {
    stacks_.push_back({back, below, stacks_[below].depth + 1});
    memory_bytes_ += 64;
  }
  return entry->second;
}

void Matcher::follow(Place place) {
  work_.push_back(place);
  while (!work_.empty()) {
    const Place here = work_.back();
    work_.pop_back();
    if (++work_done_ > most_work_) {
      work_.clear(), visited_.clear(), building_ = {};
      fail("the grammar is too ambiguous: what may follow takes too long to find out");
    }
    const Grammar::State& state = grammar_->states[here.state];
    if (state.need == Grammar::kNever) continue;
    const uint32_t reach = stacks_[here.stack].depth + state.need;
    building_.reach = std::max(building_.reach, reach);
    if (reach > grammar_->nesting) continue;
    if (!visited_.emplace(here, true).second) continue;
    if (visited_.size() > kMostPlaces) {
      work_.clear(), visited_.clear(), building_ = {};
      fail("the grammar is too ambiguous: the text so far can be read in more than ", kMostPlaces, " ways");
    }
    if (!state.bytes.empty()) building_.places.push_back(here);
    for (const StateId target : state.empty) work_.push_back({target, here.stack});
    for (const Grammar::Call& call : state.calls) {
      const Grammar::State& back = grammar_->states[call.back];
      if (back.need == Grammar::kNever) continue;
      building_.reach = std::max(building_.reach, stacks_[here.stack].depth + back.need);
      if (stacks_[here.stack].depth + back.need > grammar_->nesting) continue;
      work_.push_back({call.start, call.tail ? here.stack : push(call.back, here.stack)});
    }
    if (!state.final) continue;
    if (here.stack == kBottom) building_.can_end = true;
    else if (here.stack == kUnknown) building_.popped = true;
    else work_.push_back({stacks_[here.stack].back, stacks_[here.stack].below});
  }
}

size_t Matcher::hash(const Set& set) const {
  uint64_t value = set.can_end * 2 + set.popped;
  for (const Place& place : set.places) {
    value = (value ^ (uint64_t{place.state} << 32 | place.stack)) * 0x9E3779B97F4A7C15u;
    value ^= value >> 29;
  }
  return value;
}

SetId Matcher::finish() {
  Set set = std::move(building_);
  building_ = {};
  visited_.clear();
  if (set.places.empty() && !set.can_end && !set.popped) return kDead;
  std::sort(set.places.begin(), set.places.end());
  const size_t key = hash(set);
  const auto [first, last] = set_ids_.equal_range(key);
  for (auto candidate = first; candidate != last; ++candidate) {
    Set& known = sets_[candidate->second];
    if (known.places == set.places && known.can_end == set.can_end && known.popped == set.popped) {
      known.reach = std::max(known.reach, set.reach);
      return candidate->second;
    }
  }
  memory_bytes_ += sizeof(Set) + set.places.size() * sizeof(Place) + 48;
  if (memory_bytes_ > kMostBytes) fail("the grammar needs more than ", kMostBytes >> 20, " MiB to read this text");
  sets_.push_back(std::move(set));
  set_ids_.emplace(key, static_cast<SetId>(sets_.size() - 1));
  return static_cast<SetId>(sets_.size() - 1);
}

SetId Matcher::alone(StateId state) {
  building_.places.push_back({state, kUnknown});
  building_.reach = grammar_->states[state].need;
  return finish();
}

SetId Matcher::only(std::vector<Place> places) {
  building_.places = std::move(places);
  return finish();
}

SetId Matcher::below(StackId stack) {
  if (const auto known = below_.find(stack); known != below_.end()) return known->second;
  if (stack == kBottom) {
    building_.can_end = true;
  } else {
    follow({stacks_[stack].back, stacks_[stack].below});
  }
  return below_[stack] = finish();
}

SetId Matcher::import(const Matcher& other, SetId set) {
  if (set == kDead) return kDead;
  const Set& original = other.sets_[set];
  building_.can_end = original.can_end;
  building_.reach = original.reach;
  for (const Place& place : original.places) {
    std::vector<StateId> backs;
    for (StackId stack = place.stack; stack != kBottom; stack = other.stacks_[stack].below) {
      backs.push_back(other.stacks_[stack].back);
    }
    StackId stack = kBottom;
    for (auto back = backs.rbegin(); back != backs.rend(); ++back) stack = push(*back, stack);
    building_.places.push_back({place.state, stack});
  }
  return finish();
}

}  // namespace paceline::constrain

#pragma once
// Reads bytes against a Grammar: where reading may stand is a set of (state, stack of rules to return to), and sets are numbered and
// their transitions remembered, so that most bytes cost one look-up. Sets that come up again are the same number. A set is never a dead
// end: whatever cannot reach the end of the root rule within the grammar's nesting is left out. Not thread-safe; costs memory as it
// learns (memory_bytes()).
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/constrain/grammar.h"

namespace paceline::constrain {

using SetId = uint32_t;
using StackId = uint32_t;

class Matcher {
 public:
  static constexpr SetId kDead = 0;  // nothing can follow, and the text is not complete
  static constexpr StackId kBottom = 0;  // the root rule's
  static constexpr StackId kUnknown = 1;  // the stack below a state that is looked at on its own
  static constexpr size_t kMostPlaces = 4096;  // in a set

  struct Place {
    StateId state;
    StackId stack;
    bool operator==(const Place&) const = default;
    auto operator<=>(const Place&) const = default;
  };

  explicit Matcher(std::shared_ptr<const Grammar> grammar);

  const std::shared_ptr<const Grammar>& grammar() const { return grammar_; }
  SetId start() const { return start_; }
  // Throws Error when the text can be read in more than kMostPlaces ways, or memory runs past kMostBytes.
  SetId step(SetId set, uint8_t byte) {
    const std::vector<SetId>& next = sets_[set].next;
    const uint32_t byte_class = grammar_->byte_class[byte];
    if (!next.empty() && next[byte_class] != kNotKnown) return next[byte_class];
    return learn(set, byte);
  }
  SetId read(SetId set, std::string_view bytes);
  bool can_end(SetId set) const { return sets_[set].can_end; }  // the text so far is complete
  bool can_continue(SetId set) const { return !sets_[set].places.empty(); }

  // For masks. Places have at least one byte edge each; sorted.
  const std::vector<Place>& places(SetId set) const { return sets_[set].places; }
  SetId alone(StateId state);  // just this state, above kUnknown
  SetId only(std::vector<Place> places);  // some places of a set
  bool popped(SetId set) const { return sets_[set].popped; }  // of a set above kUnknown: the rule may have ended here
  SetId below(StackId stack);  // what follows once the rule on top of this stack has ended
  uint32_t depth(StackId stack) const { return stacks_[stack].depth; }
  uint32_t reach(SetId set) const {
    return sets_[set].reach;
  }  // the deepest nesting its places could ask for, counted from the bottom

  // Places looked at so far while learning.
  uint64_t work() const { return work_done_; }
  // Learning throws Error beyond this work().
  void limit_work(uint64_t work) { most_work_ = work; }

  size_t memory_bytes() const { return memory_bytes_; }
  static constexpr size_t kMostBytes = size_t{256} << 20;
  // The same set in this matcher, which must read the same grammar.
  SetId import(const Matcher& other, SetId set);

 private:
  static constexpr SetId kNotKnown = UINT32_MAX;
  struct Stack {
    StateId back;
    StackId below;
    uint32_t depth;
  };
  struct Set {
    std::vector<Place> places;
    bool can_end = false, popped = false;
    uint32_t reach = 0;
    std::vector<SetId> next;  // by byte class; empty until asked for
  };

  SetId learn(SetId set, uint8_t byte);
  StackId push(StateId back, StackId below);
  void follow(Place place);  // adds what can be reached without reading
  SetId finish();  // of the set being built: its number
  size_t hash(const Set& set) const;

  std::shared_ptr<const Grammar> grammar_;
  std::vector<Stack> stacks_;
  std::unordered_map<uint64_t, StackId> stack_ids_;
  std::vector<Set> sets_;
  std::unordered_multimap<size_t, SetId> set_ids_;
  std::unordered_map<StackId, SetId> below_;
  size_t memory_bytes_ = 0;
  uint64_t work_done_ = 0, most_work_ = UINT64_MAX;
  SetId start_ = kDead;

  Set building_;
  std::vector<Place> work_;
  struct PlaceHash {
    size_t operator()(const Place& place) const {
      return (uint64_t{place.state} << 32 | place.stack) * 0x9E3779B97F4A7C15u >> 16;
    }
  };
  std::unordered_map<Place, bool, PlaceHash> visited_;
};

}  // namespace paceline::constrain

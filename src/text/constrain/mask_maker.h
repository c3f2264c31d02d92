#pragma once
// A Matcher and the masks of its sets. A state whose next byte may be almost anything (the inside of a string) is looked at once on its
// own, whatever rules are open around it: the tokens it takes wholly are a mask that never changes, and only the tokens that end the
// rule in their middle are checked again for each surrounding. States that are alike share what they know, of tokens of up to kAlikeBytes;
// the few longer ones are always read. Members are called with `mutex` held.
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "text/constrain/matcher.h"
#include "text/constrain/token_mask.h"

namespace paceline::constrain {

class MaskMaker {
 public:
  using Mask = std::vector<uint32_t>;

  MaskMaker(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const ConstraintVocabulary> vocabulary);

  Matcher& matcher() { return matcher_; }
  const ConstraintVocabulary& vocabulary() const { return *vocabulary_; }
  std::shared_ptr<const Mask> mask(SetId set);
  std::shared_ptr<const Mask> end_mask();  // just the end-of-generation tokens
  size_t memory_bytes() const {
    return matcher_.memory_bytes() +
           (masks_.size() + locals_.size() + 1) * vocabulary_->mask_words() * sizeof(uint32_t);
  }
  bool is_full() const { return matcher_.memory_bytes() > kSoftBytes; }

  std::mutex mutex;

 private:
  static constexpr size_t kSoftBytes = size_t{48} << 20;
  // Of the matcher's work: what one mask may take, and all of them on average. A hostile grammar ends its own request with an error.
  static constexpr uint64_t kMostWork = 6'000'000, kUsualWork = 300'000;
  static constexpr size_t kMostMasks = 256;  // 31 KB each with 248k tokens
  static constexpr size_t kMostLocals = 256;
  struct Local {  // of a wide state on its own
    Mask mask;
    std::vector<uint32_t> pops;  // nodes of the vocabulary's tree at which the rule may have ended
    uint32_t reach = 0;
    bool is_worthwhile = false;  // the parts of the tree behind `pops` are small
  };

  class Spending;
  bool is_wide(StateId state);
  std::shared_ptr<const Local> local(StateId state);
  bool add_wide(const Matcher::Place& place, Mask& mask);  // false: look at it together with the others
  void walk(SetId set, uint32_t root, Mask& mask);  // the tokens below the node
  void read_long_tokens(SetId set, Mask& mask);
  void add_tokens(uint32_t node, Mask& mask) const;

  std::shared_ptr<const ConstraintVocabulary> vocabulary_;
  Matcher matcher_;
  std::unordered_map<SetId, std::shared_ptr<const Mask>> masks_;
  std::unordered_map<StateId, std::shared_ptr<const Local>> locals_;
  std::unordered_map<StateId, bool> wide_;
  std::shared_ptr<const Mask> end_mask_;
  uint64_t work_left_ = kMostWork;
  std::vector<SetId> path_;  // sets by depth
  std::vector<uint32_t> long_;  // nodes of depth kAlikeBytes with longer tokens below
};

}  // namespace paceline::constrain

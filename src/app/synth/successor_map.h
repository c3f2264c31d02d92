#pragma once
// What the models of `synth --accept` say. The trunk's map is one long cycle: through the ordinary ids among the kLowIdCount lowest in
// a random order; for a share `rare` of them the way to the next leads over an id of its own outside. The draft head's map agrees with
// it on a share `accept` of the cycle's ids and differs on the others. Every id off the cycle (single bytes, special tokens, the rest of
// the vocabulary) behaves like some id on it, so any prompt leads into the cycle. No id that ends a generation is ever reached.
#include <cstddef>
#include <cstdint>
#include <vector>

namespace paceline::synth {

struct SuccessorOptions {
  int vocab_size = 0;
  int first_id = 0;  // ordinary ids that may be reached: first_id … low_end-1, and for `rare` low_end … ordinary_end-1
  int low_end = 0;
  int ordinary_end = 0;
  double accept = 1, rare = 0;  // shares, 0 … 1
  uint64_t seed = 0;
};

class SuccessorMap {
 public:
  // Throws UsageError when there are too few ids outside for `rare`.
  explicit SuccessorMap(const SuccessorOptions& options);

  // The id on the cycle whose embedding `id` shares; itself when it is on the cycle.
  int code(int id) const { return code_[static_cast<size_t>(id)]; }
  // The code after which the trunk says / the draft head drafts `id`; -1: none, it is never said.
  int trunk_predecessor(int id) const { return trunk_[static_cast<size_t>(id)]; }
  int draft_predecessor(int id) const { return draft_[static_cast<size_t>(id)]; }
  // The cycle, from an arbitrary start.
  const std::vector<int>& cycle() const { return cycle_; }
  int successor(int id) const { return successor_[static_cast<size_t>(code(id))]; }

 private:
  void make_cycle(const SuccessorOptions& options);
  void make_drafts(const SuccessorOptions& options);

  std::vector<int> cycle_, code_, trunk_, draft_, successor_;
};

}  // namespace paceline::synth

#pragma once
// What one request takes from the prefix cache and leaves in it: it starts as far into its prompt as a snapshot reaches, stops for snapshots
// where later prompts are likely to part from it, and keeps the end of its answer. The same for a slot of the engine and for the generator.
#include <span>
#include <vector>

#include "engine/mtp_drafter.h"
#include "engine/prefix_cache.h"

namespace paceline {

class PrefixUse {
 public:
  // Puts `sequence`, just restarted, as far into its prompt as `cache` reaches, and returns its new length. stable_positions: as in
  // Request::stable_positions. No cache: the whole prompt is read, and nothing kept.
  int start(PrefixCache* cache, Sequence& sequence, std::span<const int> stable_positions);
  // The position at which the next chunk of the prompt has to end at the latest.
  int prompt_end() const { return snapshots_.empty() ? prompt_length_ : snapshots_.back(); }
  // After each chunk of the prompt.
  void keep_prompt(const Sequence& sequence);
  // A conversation goes on after the answer: what is computed already is kept, up to the last token that went through the trunk. `head`: the
  // draft head that the sequence goes through, or null.
  void keep_answer(Sequence& sequence, MtpDrafter* head);

 private:
  void choose_snapshots(int done, std::span<const int> stable_positions);

  PrefixCache* cache_ = nullptr;
  int prompt_length_ = 0;
  std::vector<int> snapshots_;  // positions of the prompt still to be kept, the next one last
};

}  // namespace paceline

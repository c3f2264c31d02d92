#include "engine/prefix_use.h"

#include <algorithm>

namespace paceline {

namespace {

constexpr int kSnapshotInterval = 2048;  // positions of a prompt between snapshots that nobody asked for
constexpr int kLeastGain = 32;           // tokens a snapshot has to save over the one before it
constexpr size_t kMostStable = 4;        // stable positions that get one: the first and the last ones

}  // namespace

int PrefixUse::start(PrefixCache* cache, Sequence& sequence, std::span<const int> stable_positions) {
  cache_ = cache;
  prompt_length_ = sequence.prompt_length;
  snapshots_.clear();
  if (cache_ == nullptr) return 0;
  const int done = cache_->restore(sequence);
  choose_snapshots(done, stable_positions);
  return done;
}

void PrefixUse::choose_snapshots(int done, std::span<const int> stable_positions) {
  std::vector<int> stable(stable_positions.begin(), stable_positions.end());
  std::erase_if(stable, [&](int position) { return position <= 0 || position >= prompt_length_; });
  std::sort(stable.begin(), stable.end());
  stable.erase(std::unique(stable.begin(), stable.end()), stable.end());
  if (stable.empty()) stable.push_back(prompt_length_ - 1);
  if (stable.size() > kMostStable) stable.erase(stable.begin() + 1, stable.end() - (kMostStable - 1));
  snapshots_ = std::move(stable);
  for (int at = kSnapshotInterval; at < prompt_length_; at += kSnapshotInterval) snapshots_.push_back(at);
  std::sort(snapshots_.begin(), snapshots_.end(), std::greater<>());
  // A position that is both would otherwise be waited for twice.
  snapshots_.erase(std::unique(snapshots_.begin(), snapshots_.end()), snapshots_.end());
  // Too close to the start of the work is not worth cutting a chunk for.
  while (!snapshots_.empty() && snapshots_.back() < done + kLeastGain) snapshots_.pop_back();
}

void PrefixUse::keep_prompt(const Sequence& sequence) {
  if (snapshots_.empty() || snapshots_.back() > sequence.state.length()) return;
  snapshots_.pop_back();
  cache_->keep(sequence, 0, kLeastGain);
}

void PrefixUse::keep_answer(Sequence& sequence, MtpDrafter* head) {
  if (cache_ == nullptr || sequence.in_prompt() || sequence.kept_count == 0) return;
  if (head != nullptr) {
    // The draft head has not seen the tokens of the last pass yet.
    Sequence* const own[] = {&sequence};
    sequence.draft_budget = 0;
    sequence.drafts.clear();
    head->propose(own);
  }
  cache_->keep(sequence, sequence.kept_count - 1, kLeastGain);
}

}  // namespace paceline

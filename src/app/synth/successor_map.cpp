#include "app/synth/successor_map.h"

#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/random.h"

namespace paceline::synth {

namespace {

enum Stream : uint64_t { kCycleStream = 1, kOutsideStream, kDetourStream, kWrongStream, kAliasStream };

// Fisher-Yates with counter-based random numbers.
void shuffle(std::vector<int>& values, uint64_t seed, uint64_t stream) {
  for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random_word(seed, stream, i) % i]);
}

std::vector<int> shuffled_range(int first, int end, uint64_t seed, uint64_t stream) {
  std::vector<int> values(static_cast<size_t>(end - first));
  std::iota(values.begin(), values.end(), first);
  shuffle(values, seed, stream);
  return values;
}

}  // namespace

SuccessorMap::SuccessorMap(const SuccessorOptions& options) {
  make_cycle(options);
  make_drafts(options);
  // Off the cycle an id borrows the code of one on it.
  for (size_t id = 0; id < code_.size(); ++id)
    if (code_[id] < 0) code_[id] = cycle_[random_word(options.seed, kAliasStream, id) % cycle_.size()];
}

void SuccessorMap::make_cycle(const SuccessorOptions& options) {
  const std::vector<int> low = shuffled_range(options.first_id, options.low_end, options.seed, kCycleStream);
  const std::vector<int> outside = shuffled_range(options.low_end, options.ordinary_end, options.seed, kOutsideStream);
  const size_t detours = static_cast<size_t>(std::llround(options.rare * static_cast<double>(low.size())));
  if (detours > outside.size())
    throw UsageError(cat("--rare ", options.rare, " needs ", detours, " ids outside the ", options.low_end,
                         " lowest, this shape has ", outside.size()));
  std::vector<int> order = shuffled_range(0, static_cast<int>(low.size()), options.seed, kDetourStream);
  std::vector<bool> has_detour(low.size());
  for (size_t i = 0; i < detours; ++i) has_detour[static_cast<size_t>(order[i])] = true;

  size_t next_outside = 0;
  for (size_t i = 0; i < low.size(); ++i) {
    cycle_.push_back(low[i]);
    if (has_detour[i]) cycle_.push_back(outside[next_outside++]);
  }
  const size_t vocab_size = static_cast<size_t>(options.vocab_size);
  code_.assign(vocab_size, -1), trunk_.assign(vocab_size, -1), successor_.assign(vocab_size, -1);
  for (size_t i = 0; i < cycle_.size(); ++i) {
    const size_t id = static_cast<size_t>(cycle_[i]);
    const int next = cycle_[(i + 1) % cycle_.size()];
    code_[id] = cycle_[i];
    successor_[id] = next;
    trunk_[static_cast<size_t>(next)] = cycle_[i];
  }
}

// The wrong ids hand their drafts round: each drafts the successor of another.
void SuccessorMap::make_drafts(const SuccessorOptions& options) {
  draft_ = trunk_;
  std::vector<int> wrong = cycle_;
  shuffle(wrong, options.seed, kWrongStream);
  const size_t count = static_cast<size_t>(std::llround((1 - options.accept) * static_cast<double>(cycle_.size())));
  if (count < 2) return;  // one alone has nobody to trade with
  wrong.resize(count);
  for (size_t i = 0; i < count; ++i)
    draft_[static_cast<size_t>(successor_[static_cast<size_t>(wrong[i])])] = wrong[(i + 1) % count];
}

}  // namespace paceline::synth

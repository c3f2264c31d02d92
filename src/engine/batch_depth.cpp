#include "engine/batch_depth.h"

#include <algorithm>
#include <numeric>

namespace paceline {

namespace {

// Seconds of drafting alone that a first draft costs where no chain has been timed, relative to a verify row.
constexpr double kFirstDraft = 0.08;

// Probability that the draft at depth k + 1 is reached and accepted, where `reached` is that of the one before.
struct NextDraft {
  size_t index = 0;
  double gain = 0;
};

}  // namespace

RowTimes::RowTimes(int most_rows, double slope) : slope_(slope), latest_(static_cast<size_t>(most_rows) + 1) {}

double RowTimes::seconds(int rows) const {
  const int most = static_cast<int>(latest_.size()) - 1;
  rows = std::clamp(rows, 1, most);
  if (measured(rows)) return median(rows);
  int below = rows, above = rows;
  while (below >= 1 && !measured(below)) --below;
  while (above <= most && !measured(above)) ++above;
  if (below < 1 && above > most) return default_curve(rows);
  if (below < 1) return median(above) * default_curve(rows) / default_curve(above);
  if (above > most) return median(below) * default_curve(rows) / default_curve(below);
  const double share = static_cast<double>(rows - below) / (above - below);
  return median(below) * (1 - share) + median(above) * share;
}

void StepTimes::record(std::span<const int> drafted, double draft_seconds, double verify_seconds) {
  int rows = 0, links = 0;
  std::array<int, kMaxDrafts> width{};
  for (const int count : drafted) {
    rows += 1 + count;
    links = std::max(links, count);
    for (int k = 0; k < count; ++k) ++width[static_cast<size_t>(k)];
  }
  verify.record(rows, verify_seconds);
  if (links == 0) return;
  // The links share the seconds in proportion to what each was expected to take.
  double expected = 0;
  for (int k = 0; k < links; ++k) expected += draft.seconds(width[static_cast<size_t>(k)]);
  const double scale = draft_seconds / expected;
  for (int k = 0; k < links; ++k) {
    const int count = width[static_cast<size_t>(k)];
    if (k == 0 || count != width[static_cast<size_t>(k - 1)]) draft.record(count, draft.seconds(count) * scale);
  }
}

// Greedy: a request's next draft is never likelier than the one before it, so the likeliest drafts of the batch come first, and each is
// taken while it raises tokens per second. A short look ahead steps over bumps in the measured times.
void BatchDepth::choose(const StepTimes& times, std::span<DepthChoice> batch) {
  std::array<int, kMaxDrafts> width{};
  std::array<double, 256> reached{};
  PACELINE_ASSERT(batch.size() <= reached.size());
  int rows = 0, most = 0;
  double tokens = 0, drafting = 0;
  const double unit = times.verify.measured(static_cast<int>(batch.size()))
                          ? times.verify.seconds(static_cast<int>(batch.size()))
                          : times.verify.seconds(1);
  const bool timed = [&] {
    for (size_t count = 1; count <= batch.size(); ++count)
      if (times.draft.measured(static_cast<int>(count))) return true;
    return false;
  }();
  const auto link = [&](int count) {
    return count == 0 ? 0.0 : times.draft.seconds(count) * (timed ? 1 : kFirstDraft * unit);
  };
  const auto add = [&](size_t i) {
    DepthChoice& choice = batch[i];
    int& count = width[static_cast<size_t>(choice.depth)];
    drafting += link(count + 1) - link(count);
    ++count, ++rows, ++choice.depth;
    reached[i] *= choice.acceptance->conditional(choice.depth);
    tokens += reached[i];
  };
  for (size_t i = 0; i < batch.size(); ++i) {
    batch[i].depth = 0;
    reached[i] = 1;
    ++rows, ++tokens;
    while (batch[i].fixed && batch[i].depth < batch[i].at_most) add(i);
    if (!batch[i].fixed) most = std::max(most, batch[i].at_most);
  }
  if (most == 0) return;
  const bool plain_known = times.verify.measured(rows);
  std::array<uint8_t, 256> best_depth{};
  for (size_t i = 0; i < batch.size(); ++i) best_depth[i] = static_cast<uint8_t>(batch[i].depth);
  double best_rate = tokens / (times.verify.seconds(rows) + drafting);
  bool any = false;
  while (true) {
    NextDraft next{batch.size(), 0};
    for (size_t i = 0; i < batch.size(); ++i) {
      if (batch[i].fixed || batch[i].depth >= batch[i].at_most) continue;
      const double gain = reached[i] * batch[i].acceptance->conditional(batch[i].depth + 1);
      if (gain > next.gain) next = {i, gain};
    }
    if (next.index == batch.size()) break;
    add(next.index);
    const double rate = tokens / (times.verify.seconds(rows) + drafting);
    if (rate <= best_rate) continue;
    best_rate = rate, any = true;
    for (size_t i = 0; i < batch.size(); ++i) best_depth[i] = static_cast<uint8_t>(batch[i].depth);
  }
  const bool probe = ++rounds_since_probe_ >= (any ? 2 : 1) * kProbeInterval;
  if (probe) rounds_since_probe_ = 0;
  for (size_t i = 0; i < batch.size(); ++i) {
    if (batch[i].fixed) continue;
    batch[i].depth = best_depth[i];
    // Plain decoding is what all is compared with, so it is timed first.
    if (!plain_known || (probe && any)) batch[i].depth = 0;
    else if (probe) batch[i].depth = std::min(1, batch[i].at_most);
  }
}

}  // namespace paceline

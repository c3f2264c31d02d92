#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

#include "base/random.h"
#include "device/draft_choice.h"
#include "device/reference/reference_device.h"

namespace paceline {

namespace {

struct Ranked {
  double rank;
  int column;
};

// All columns, best first.
std::vector<Ranked> ranked_columns(const float* logits, int cols, const int32_t* ids, const CandidateRanking& ranking) {
  std::vector<Ranked> all;
  for (int column = 0; column < cols; ++column) {
    double rank = std::isnan(logits[column]) ? -std::numeric_limits<double>::infinity() : logits[column];
    if (ranking.by_noise())
      rank = rank / static_cast<double>(ranking.temperature) +
             gumbel_noise(ranking.seed, ranking.position, ids == nullptr ? column : ids[column]);
    all.push_back({rank, column});
  }
  std::stable_sort(all.begin(), all.end(), [](const Ranked& a, const Ranked& b) { return a.rank > b.rank; });
  return all;
}

}  // namespace

void ReferenceDevice::list_candidates(Tensor out, Tensor logits, Tensor ids,
                                      std::span<const CandidateRanking> rankings) {
  const int count = checks::list_candidates(out, logits, ids, rankings);
  const int32_t* names = ids.data == nullptr ? nullptr : ids.i32();
  for (int row = 0; row < logits.rows; ++row) {
    const float* values = logits.f32(row);
    float largest = -std::numeric_limits<float>::infinity();
    for (int i = 0; i < logits.cols; ++i) largest = std::max(largest, values[i]);
    double sum = 0;
    for (int i = 0; i < logits.cols; ++i)
      sum += std::exp(static_cast<double>(values[i]) - static_cast<double>(largest));
    if (!std::isfinite(sum)) sum = 0;

    int32_t* words = out.i32(row);
    words[0] = std::bit_cast<int32_t>(largest);
    words[1] = std::bit_cast<int32_t>(static_cast<float>(sum));
    const std::vector<Ranked> ranked = ranked_columns(values, logits.cols, names, rankings[static_cast<size_t>(row)]);
    for (int i = 0; i < count; ++i) {
      const int column = i < logits.cols ? ranked[static_cast<size_t>(i)].column : -1;
      words[kFirstCandidateWord + i] = names == nullptr || column < 0 ? column : names[column];
      words[kFirstCandidateWord + count + i] =
          std::bit_cast<int32_t>(column < 0 ? -std::numeric_limits<float>::infinity() : values[column]);
    }
  }
}

void ReferenceDevice::choose_drafts(Tensor out, Tensor lists, std::span<const DraftRule> rules) {
  choose_drafts_in_host_memory(out, lists, rules);
}

}  // namespace paceline

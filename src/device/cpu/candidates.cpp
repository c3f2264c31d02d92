// The highest ranked tokens of each row: a heap of the best so far, in front of which most columns fail one comparison.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "device/cpu/cpu_device.h"
#include "device/draft_choice.h"

namespace paceline::cpu {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Ranked {
  double rank;
  int column;
};

bool is_better(const Ranked& a, const Ranked& b) {
  return a.rank > b.rank || (a.rank == b.rank && a.column < b.column);
}

struct RowSum {
  float largest = -kInfinity;
  double sum = 0;  // of exp(x - largest); not finite where x has NaN or its largest is infinite
};

// Short runs are summed in f32, so that the length of a row adds no error.
RowSum sum_row(const Kernels& kernels, const float* x, int cols) {
  constexpr int kRun = 1024;
  RowSum all;
  float scratch[kRun];
  for (int first = 0; first < cols; first += kRun) {
    const int count = std::min(kRun, cols - first);
    bool has_nan = false;
    float largest = -kInfinity;
    for (int i = 0; i < count; ++i) {
      has_nan |= std::isnan(x[first + i]);
      largest = std::max(largest, x[first + i]);
    }
    if (has_nan) all.sum = std::numeric_limits<double>::quiet_NaN();
    if (largest == -kInfinity) continue;
    const double sum = static_cast<double>(kernels.exponentials(scratch, x + first, count));
    const float before = all.largest;
    all.largest = std::max(before, largest);
    const auto scale = [&](float from) {
      return from == -kInfinity ? 0.0 : std::exp(static_cast<double>(from) - static_cast<double>(all.largest));
    };
    all.sum = all.sum * scale(before) + sum * scale(largest);
  }
  if (!std::isfinite(all.largest)) all.sum = 0;
  return all;
}

// Into `kept`, best first; returns how many.
int keep_best(Ranked* kept, int count, int cols, const auto& rank_of) {
  int size = 0;
  for (int column = 0; column < cols; ++column) {
    const Ranked next{rank_of(column), column};
    if (size == count) {
      if (!(next.rank > kept[0].rank)) continue;  // columns rise, so equals stay behind
      std::pop_heap(kept, kept + size, is_better);
      --size;
    }
    kept[size++] = next;
    std::push_heap(kept, kept + size, is_better);
  }
  std::sort(kept, kept + size, is_better);
  return size;
}

}  // namespace

void CpuDevice::list_candidates(Tensor out, Tensor logits, Tensor ids, std::span<const CandidateRanking> rankings) {
  const int count = checks::list_candidates(out, logits, ids, rankings);
  auto* all_kept = candidates_.get<Ranked>(static_cast<size_t>(logits.rows) * static_cast<size_t>(count));
  const auto token_of = [&](int column) { return ids.data == nullptr ? column : ids.i32()[column]; };
  for_rows(logits.rows, logits.cols, [&](int row) {
    const float* x = logits.f32(row);
    const CandidateRanking& ranking = rankings[static_cast<size_t>(row)];
    Ranked* kept = all_kept + int64_t{row} * count;
    const auto logit_of = [&](int column) {
      return static_cast<double>(std::isnan(x[column]) ? -kInfinity : x[column]);
    };
    const auto score_of = [&](int column) {
      return logit_of(column) / static_cast<double>(ranking.temperature) +
             gumbel_noise(ranking.seed, ranking.position, token_of(column));
    };
    const int size = ranking.by_noise() ? keep_best(kept, count, logits.cols, score_of)
                                        : keep_best(kept, count, logits.cols, logit_of);
    const RowSum sum = sum_row(kernels_, x, logits.cols);
    int32_t* words = out.i32(row);
    words[0] = std::bit_cast<int32_t>(sum.largest);
    words[1] = std::bit_cast<int32_t>(std::isfinite(sum.sum) ? static_cast<float>(sum.sum) : 0.0f);
    for (int i = 0; i < count; ++i) {
      words[kFirstCandidateWord + i] = i < size ? token_of(kept[i].column) : -1;
      words[kFirstCandidateWord + count + i] = std::bit_cast<int32_t>(i < size ? x[kept[i].column] : -kInfinity);
    }
  });
}

// No caller needs it where rows are read in place.
void CpuDevice::choose_drafts(Tensor out, Tensor lists, std::span<const DraftRule> rules) {
  choose_drafts_in_host_memory(out, lists, rules);
}

}  // namespace paceline::cpu

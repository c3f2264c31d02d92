#include "device/draft_choice.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/random.h"
#include "device/checks.h"

namespace paceline {

namespace {

struct Choice {
  int32_t token;
  float logit;
};

// Of exp(logit - largest) over what top-k keeps: the first `kept` of the list, or the whole row.
double sum_of_kept(const CandidateList& list, size_t kept, const DraftRule& rule) {
  if (rule.top_k <= 0 || static_cast<size_t>(rule.top_k) != kept) return static_cast<double>(list.sum);
  double sum = 0;
  for (size_t i = 0; i < kept; ++i) sum += std::exp(static_cast<double>(list.logit(i) - list.largest));
  return sum;
}

Choice choose(const CandidateList& list, const DraftRule& rule) {
  Choice best{list.tokens[0], list.logit(0)};
  if (!(rule.temperature > 0)) return best;
  const size_t kept = rule.top_k > 0 ? std::min(list.size(), static_cast<size_t>(rule.top_k)) : list.size();
  const double sum = sum_of_kept(list, kept, rule), share = static_cast<double>(rule.top_p);
  const double lowest = static_cast<double>(list.largest) + std::log(static_cast<double>(rule.min_p));
  double best_score = -std::numeric_limits<double>::infinity(), reached = 0;
  for (size_t i = 0; i < kept; ++i) {
    const double logit = list.logit(i);
    if (rule.top_p < 1 && !(reached < share * sum)) break;
    reached += std::exp(logit - static_cast<double>(list.largest));
    if (rule.min_p > 0 && !(logit >= lowest)) continue;
    const double score =
        logit / static_cast<double>(rule.temperature) + gumbel_noise(rule.seed, rule.position, list.tokens[i]);
    if (!(score > best_score || (score == best_score && list.tokens[i] < best.token))) continue;
    best_score = score;
    best = {list.tokens[i], list.logit(i)};
  }
  return best;
}

}  // namespace

void choose_drafts_in_host_memory(Tensor out, Tensor lists, std::span<const DraftRule> rules) {
  const int count = checks::choose_drafts(out, lists, rules);
  for (int row = 0; row < lists.rows; ++row) {
    const std::span<const int32_t> words(lists.i32(row), static_cast<size_t>(lists.cols));
    const auto tokens = words.subspan(kFirstCandidateWord, static_cast<size_t>(count));
    const auto listed = std::find(tokens.begin(), tokens.end(), -1) - tokens.begin();
    const CandidateList list(words, static_cast<int>(listed), {});
    const Choice choice = choose(list, rules[static_cast<size_t>(row)]);
    const float probability = list.is_ordinary() ? std::exp(choice.logit - list.largest) / list.sum : 0.0f;
    out.i32(row)[0] = choice.token;
    out.i32(row)[1] = std::bit_cast<int32_t>(probability);
  }
}

}  // namespace paceline

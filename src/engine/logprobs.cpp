#include "engine/logprobs.h"

#include <algorithm>
#include <cmath>

namespace paceline {

LogprobRow logprob_row(std::span<const float> logits, Token chosen, int alternatives,
                       std::vector<std::pair<float, Token>>& scratch) {
  const double most = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - most);
  const double norm = most + std::log(sum);
  const auto logprob = [&](Token token) { return static_cast<float>(logits[static_cast<size_t>(token)] - norm); };
  LogprobRow row{.chosen = logprob(chosen), .alternatives = {}};
  if (alternatives <= 0) return row;
  scratch.clear();
  for (size_t i = 0; i < logits.size(); ++i) scratch.emplace_back(-logits[i], static_cast<Token>(i));
  const size_t count = std::min(scratch.size(), static_cast<size_t>(alternatives));
  std::partial_sort(scratch.begin(), scratch.begin() + static_cast<std::ptrdiff_t>(count), scratch.end());
  for (size_t i = 0; i < count; ++i) row.alternatives.push_back({scratch[i].second, logprob(scratch[i].second)});
  return row;
}

}  // namespace paceline

// Sampler::choose from a list: what the rest of the row could change, bounded from what is known of it. The choice itself is the one of a whole
// row (sampler.cpp).
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "engine/sampler.h"

namespace paceline {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// More than the host's own sums of up to four million terms are off by, and exp() from rising with its argument.
constexpr double kHostSumError = 1e-9;

// Penalties that can only lower a logit, whatever it is: then nothing behind a list comes forward.
bool penalties_lower(const SamplingParameters& parameters) {
  return parameters.repeat_penalty >= 1 && std::isfinite(parameters.repeat_penalty) &&
         parameters.presence_penalty >= 0 && parameters.frequency_penalty >= 0;
}

bool raises(const SamplingParameters& parameters) {
  return std::any_of(parameters.bias.begin(), parameters.bias.end(),
                     [](const auto& bias) { return !(bias.bias <= 0); });
}

bool cuts_to_some(int top_k, int column_count) { return top_k > 0 && top_k < column_count; }

}  // namespace

CandidateRanking Sampler::ranking(const SamplingParameters& parameters, size_t history_length, bool is_constrained) {
  constexpr float kLeastTemperature = 1e-3f;  // below it quotients are large and rough ones too rough
  const bool all_may_win = parameters.top_k <= 0 && parameters.top_p >= 1 && !parameters.changes_logits();
  if (!all_may_win || is_constrained || !(parameters.temperature >= kLeastTemperature)) return {};
  return {parameters.temperature, parameters.seed, static_cast<int64_t>(history_length)};
}

std::optional<Token> Sampler::choose(const CandidateList& list, const SamplingParameters& parameters,
                                     std::span<const Token> history, std::span<const uint32_t> allowed) {
  if (!list.is_ordinary()) return std::nullopt;
  candidates_.clear();
  for (size_t i = 0; i < list.size(); ++i) candidates_.push_back({list.tokens[i], list.logit(i)});
  const int64_t position = static_cast<int64_t>(history.size());
  if (list.ranking.by_noise()) return choose_by_noise(list, parameters, position);

  const bool is_adjusted = parameters.changes_logits();
  const std::optional<float> rest_logit = adjust_list(list, parameters, history);
  if (!rest_logit) return std::nullopt;
  keep_certain(list, is_adjusted, *rest_logit, allowed);
  if (candidates_.empty()) return std::nullopt;
  if (parameters.temperature <= 0) return candidates_.front().token;

  const size_t columns = static_cast<size_t>(list.column_count);
  const size_t wanted =
      cuts_to_some(parameters.top_k, list.column_count) ? static_cast<size_t>(parameters.top_k) : columns;
  if (candidates_.size() > wanted) candidates_.resize(wanted);
  const size_t missing = wanted - candidates_.size();
  if (missing == 0) {
    drop_forbidden(allowed);
    return pick(parameters, position, {}, {});
  }
  return pick(parameters, position, {}, rest_of(list, parameters, *rest_logit, missing, !allowed.empty()));
}

std::optional<float> Sampler::adjust_list(const CandidateList& list, const SamplingParameters& parameters,
                                          std::span<const Token> history) {
  float behind = list.is_complete() ? -std::numeric_limits<float>::infinity() : candidates_.back().logit;
  if (!parameters.changes_logits()) return behind;
  if (!list.is_complete() && parameters.has_penalties() && !penalties_lower(parameters)) return std::nullopt;
  places_.clear();
  for (size_t i = 0; i < candidates_.size(); ++i) places_.emplace_back(candidates_[i].token, i);
  std::sort(places_.begin(), places_.end());
  const auto listed = [&](Token token) -> float* {
    const auto found = std::lower_bound(places_.begin(), places_.end(), std::pair{token, size_t{0}});
    return found != places_.end() && found->first == token ? &candidates_[found->second].logit : nullptr;
  };
  adjust(parameters, history, std::cref(listed));
  // As if all that is raised behind the list were raised on one token.
  for (const LogitBias& bias : parameters.bias)
    if (!list.is_complete() && !(bias.bias <= 0) && listed(bias.token) == nullptr) behind += bias.bias;
  for (const Candidate& candidate : candidates_)
    if (!(candidate.logit < kInfinity)) return std::nullopt;
  return behind;
}

// Without changes a list is in the row's own order, ties included; else only what is above the bound surely stands before it.
void Sampler::keep_certain(const CandidateList& list, bool is_adjusted, float rest_logit,
                           std::span<const uint32_t> allowed) {
  const auto is_forbidden = [&](const Candidate& candidate) {
    return !allowed.empty() && !is_allowed(allowed, candidate.token);
  };
  // Nothing stands before a token that is not allowed when both are at -infinity.
  const auto is_no_better = [&](const Candidate& candidate) { return !allowed.empty() && std::isinf(candidate.logit); };
  if (list.is_complete()) {
    for (Candidate& candidate : candidates_)
      if (is_forbidden(candidate)) candidate.logit = -std::numeric_limits<float>::infinity();
  } else {
    std::erase_if(candidates_, [&](const Candidate& candidate) {
      return is_forbidden(candidate) || is_no_better(candidate) || (is_adjusted && !(candidate.logit > rest_logit));
    });
  }
  std::sort(candidates_.begin(), candidates_.end(), MoreLikely{});
}

Sampler::Rest Sampler::rest_of(const CandidateList& list, const SamplingParameters& parameters, float rest_logit,
                               size_t count, bool is_constrained) const {
  const double best = candidates_.front().logit, behind = rest_logit;
  Rest rest{count, rest_logit, behind / static_cast<double>(parameters.temperature) + kMostGumbelNoise, 0, 0};
  for (const Candidate& candidate : candidates_) rest.least_sum += std::exp(candidate.logit - best);
  rest.most_sum = rest.least_sum + static_cast<double>(count) * std::exp(behind - best);
  // The device's sum is that of the logits as they were. What penalties and masks leave of it is no more.
  const double sum = static_cast<double>(list.sum) * std::exp(static_cast<double>(list.largest) - best);
  if (!raises(parameters)) rest.most_sum = std::min(rest.most_sum, sum / (1 - kCandidateSumError));
  if (!parameters.changes_logits() && !is_constrained && !cuts_to_some(parameters.top_k, list.column_count))
    rest.least_sum = std::max(rest.least_sum, sum / (1 + kCandidateSumError));
  rest.least_sum *= 1 - kHostSumError;
  rest.most_sum *= 1 + kHostSumError;
  return rest;
}

// A token behind the list has a rough score of at most the last one's. With errors of e (|score| + 64), its true score s and the last one's, l,
// satisfy s - e (|s| + 64) <= l + e (|l| + 64); the left side rises with s, so a winner for which it is greater is above all of them.
std::optional<Token> Sampler::choose_by_noise(const CandidateList& list, const SamplingParameters& parameters,
                                              int64_t position) {
  if (parameters.changes_logits() || cuts_to_some(parameters.top_k, list.column_count) || parameters.top_p < 1)
    return std::nullopt;
  const double temperature = static_cast<double>(parameters.temperature);
  if (std::fabs(static_cast<double>(list.largest)) / temperature > kCandidateScoreLimit) return std::nullopt;
  const Candidate last = candidates_.back();
  if (parameters.min_p > 0) {
    const double lowest = lowest_by_min_p(list.largest, parameters.min_p);
    std::erase_if(candidates_, [&](const Candidate& candidate) { return !(candidate.logit >= lowest); });
  }
  if (candidates_.empty()) return std::nullopt;
  const Winner best = winner(parameters, position, {}, candidates_.size());
  if (list.is_complete()) return candidates_[best.index].token;
  const double behind =
      std::max(last.logit / temperature + gumbel_noise(parameters.seed, position, last.token), -kCandidateScoreLimit);
  const auto error = [](double score) { return kCandidateScoreError * (std::fabs(score) + 64); };
  if (!(best.score - error(best.score) > behind + error(behind))) return std::nullopt;
  return candidates_[best.index].token;
}

}  // namespace paceline

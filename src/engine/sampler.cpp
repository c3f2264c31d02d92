#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/random.h"

namespace paceline {

namespace {

Token token_at(Token index, std::span<const Token> ids) {
  return ids.empty() ? index : ids[static_cast<size_t>(index)];
}

Token most_likely(std::span<const float> logits) {
  size_t best = 0;
  for (size_t i = 1; i < logits.size(); ++i)
    if (logits[i] > logits[best]) best = i;
  return static_cast<Token>(best);
}

}  // namespace

Sampler::Sampler(int vocab_size) {
  adjusted_.reserve(static_cast<size_t>(vocab_size));
  candidates_.reserve(static_cast<size_t>(vocab_size));
  places_.reserve(kMostCandidates);
}

void Sampler::adjust(const SamplingParameters& parameters, std::span<const Token> history,
                     const std::function<float*(Token)>& logit_of) {
  for (const LogitBias& bias : parameters.bias)
    if (float* logit = logit_of(bias.token)) *logit += bias.bias;
  if (!parameters.has_penalties()) return;

  const size_t window = parameters.penalty_window < 0 ? history.size() : static_cast<size_t>(parameters.penalty_window);
  const std::span<const Token> recent = history.last(std::min(window, history.size()));
  counts_.clear();
  for (const Token token : recent) counts_.emplace_back(token, 1);
  std::sort(counts_.begin(), counts_.end());
  for (size_t first = 0; first < counts_.size();) {
    size_t end = first;
    while (end < counts_.size() && counts_[end].first == counts_[first].first) ++end;
    const Token token = counts_[first].first;
    const float count = static_cast<float>(end - first);
    first = end;
    float* logit = logit_of(token);
    if (logit == nullptr) continue;
    *logit = *logit <= 0 ? *logit * parameters.repeat_penalty : *logit / parameters.repeat_penalty;
    *logit -= count * parameters.frequency_penalty + parameters.presence_penalty;
  }
}

void Sampler::adjust_row(std::span<const float> logits, const SamplingParameters& parameters,
                         std::span<const Token> history, std::span<const Token> ids) {
  adjusted_.assign(logits.begin(), logits.end());
  const auto logit_of = [&](Token token) -> float* {
    if (ids.empty())
      return token >= 0 && static_cast<size_t>(token) < adjusted_.size() ? &adjusted_[static_cast<size_t>(token)]
                                                                         : nullptr;
    const auto found = std::lower_bound(ids.begin(), ids.end(), token);
    return found != ids.end() && *found == token ? &adjusted_[static_cast<size_t>(found - ids.begin())] : nullptr;
  };
  adjust(parameters, history, std::cref(logit_of));
}

// After bias and penalties, so neither can bring a token back.
void Sampler::forbid(std::span<const Token> ids, std::span<const uint32_t> allowed) {
  for (size_t i = 0; i < adjusted_.size(); ++i)
    if (!is_allowed(allowed, ids.empty() ? static_cast<Token>(i) : ids[i]))
      adjusted_[i] = -std::numeric_limits<float>::infinity();
}

// Ids are visited in rising order and replace the worst kept one only when strictly better, so ties stay with the lower id.
void Sampler::keep_top_k(std::span<const float> logits, int count) {
  candidates_.clear();
  const bool all = count <= 0 || static_cast<size_t>(count) >= logits.size();
  const size_t kept = all ? logits.size() : static_cast<size_t>(count);
  for (size_t i = 0; i < kept; ++i) candidates_.push_back({static_cast<Token>(i), logits[i]});
  if (!all) {
    std::make_heap(candidates_.begin(), candidates_.end(), MoreLikely{});  // the worst in front
    for (size_t i = kept; i < logits.size(); ++i) {
      if (!(logits[i] > candidates_.front().logit)) continue;
      std::pop_heap(candidates_.begin(), candidates_.end(), MoreLikely{});
      candidates_.back() = {static_cast<Token>(i), logits[i]};
      std::push_heap(candidates_.begin(), candidates_.end(), MoreLikely{});
    }
  }
  std::sort(candidates_.begin(), candidates_.end(), MoreLikely{});
}

// Tokens that are not allowed stand last; among none but them there is nothing to weigh.
void Sampler::drop_forbidden(std::span<const uint32_t> allowed) {
  while (!allowed.empty() && candidates_.size() > 1 && std::isinf(candidates_.back().logit)) candidates_.pop_back();
}

// The shortest prefix (most likely first) whose probabilities reach `share`; at least one. A larger sum makes every probability smaller and
// the prefix no shorter, rounding included.
Sampler::Kept Sampler::kept_by_top_p(float share, const Rest& rest) const {
  const double best = candidates_.front().logit;
  const auto prefix = [&](double sum) {
    double reached = 0;
    for (size_t i = 0; i < candidates_.size(); ++i) {
      reached += std::exp(candidates_[i].logit - best) / sum;
      if (reached >= share) return i + 1;
    }
    return candidates_.size() + rest.count;
  };
  if (rest.count > 0) return {prefix(rest.least_sum), prefix(rest.most_sum)};
  double sum = 0;
  for (const Candidate& candidate : candidates_) sum += std::exp(candidate.logit - best);
  const size_t kept = prefix(sum);
  return {kept, kept};
}

double Sampler::lowest_by_min_p(float best, float share) { return best + std::log(static_cast<double>(share)); }

// Those at least `share` times as likely as the best.
Sampler::Kept Sampler::kept_by_min_p(float share, const Rest& rest) const {
  const double lowest = lowest_by_min_p(candidates_.front().logit, share);
  size_t kept = 1;
  while (kept < candidates_.size() && candidates_[kept].logit >= lowest) ++kept;
  const bool may_go_on = rest.count > 0 && kept == candidates_.size() && !(rest.logit < lowest);
  return {kept, may_go_on ? kept + rest.count : kept};
}

Sampler::Winner Sampler::winner(const SamplingParameters& parameters, int64_t position, std::span<const Token> ids,
                                size_t count) const {
  const auto token_of = [&](size_t i) { return token_at(candidates_[i].token, ids); };
  Winner best{0, -std::numeric_limits<double>::infinity()};
  for (size_t i = 0; i < count; ++i) {
    const double score = candidates_[i].logit / static_cast<double>(parameters.temperature) +
                         gumbel_noise(parameters.seed, position, token_of(i));
    if (score > best.score || (score == best.score && token_of(i) < token_of(best.index))) best = {i, score};
  }
  return best;
}

std::optional<Token> Sampler::pick(const SamplingParameters& parameters, int64_t position, std::span<const Token> ids,
                                   const Rest& rest) const {
  const size_t known = candidates_.size();
  if (known == 1 && rest.count == 0) return token_at(candidates_.front().token, ids);
  Kept kept{known + rest.count, known + rest.count};
  const auto narrow = [&](Kept by) { kept = {std::min(kept.least, by.least), std::min(kept.most, by.most)}; };
  if (parameters.top_p < 1) narrow(kept_by_top_p(parameters.top_p, rest));
  if (parameters.min_p > 0) narrow(kept_by_min_p(parameters.min_p, rest));
  // Who wins among the most that may be kept and is among the least wins wherever the cut is.
  const Winner best = winner(parameters, position, ids, std::min(kept.most, known));
  if (best.index >= kept.least) return std::nullopt;
  if (kept.most > known && !(best.score > rest.score)) return std::nullopt;
  return token_at(candidates_[best.index].token, ids);
}

Token Sampler::choose(std::span<const float> logits, const SamplingParameters& parameters,
                      std::span<const Token> history, std::span<const Token> ids, std::span<const uint32_t> allowed) {
  PACELINE_ASSERT(!logits.empty() && (ids.empty() || ids.size() == logits.size()));
  if (parameters.changes_logits() || !allowed.empty()) {
    adjust_row(logits, parameters, history, ids);
    if (!allowed.empty()) forbid(ids, allowed);
    logits = adjusted_;
  }
  if (parameters.temperature <= 0) return token_at(most_likely(logits), ids);
  keep_top_k(logits, parameters.top_k);
  drop_forbidden(allowed);
  return *pick(parameters, static_cast<int64_t>(history.size()), ids, {});
}

}  // namespace paceline

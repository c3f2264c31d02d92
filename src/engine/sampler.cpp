#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/random.h"

namespace paceline {

namespace {

struct MoreLikely {
  template <class Candidate>
  bool operator()(const Candidate& a, const Candidate& b) const {
    return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
  }
};

Token most_likely(std::span<const float> logits) {
  size_t best = 0;
  for (size_t i = 1; i < logits.size(); ++i)
    if (logits[i] > logits[best]) best = i;
  return static_cast<Token>(best);
}

}  // namespace

double gumbel_noise(uint64_t seed, int64_t position, Token token) {
  const uint64_t word = random_word(seed, static_cast<uint64_t>(position), static_cast<uint64_t>(token));
  return -std::log(-std::log(unit_interval(word)));
}

Sampler::Sampler(int vocab_size) {
  adjusted_.reserve(static_cast<size_t>(vocab_size));
  candidates_.reserve(static_cast<size_t>(vocab_size));
}

float* Sampler::adjusted(Token token, std::span<const Token> ids) {
  if (ids.empty())
    return token >= 0 && static_cast<size_t>(token) < adjusted_.size() ? &adjusted_[static_cast<size_t>(token)]
                                                                       : nullptr;
  const auto found = std::lower_bound(ids.begin(), ids.end(), token);
  return found != ids.end() && *found == token ? &adjusted_[static_cast<size_t>(found - ids.begin())] : nullptr;
}

void Sampler::adjust(std::span<const float> logits, const SamplingParameters& parameters,
                     std::span<const Token> history, std::span<const Token> ids) {
  adjusted_.assign(logits.begin(), logits.end());
  for (const LogitBias& bias : parameters.bias)
    if (float* logit = adjusted(bias.token, ids)) *logit += bias.bias;
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
    float* logit = adjusted(token, ids);
    if (logit == nullptr) continue;
    *logit = *logit <= 0 ? *logit * parameters.repeat_penalty : *logit / parameters.repeat_penalty;
    *logit -= count * parameters.frequency_penalty + parameters.presence_penalty;
  }
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

// The shortest prefix (most likely first) whose probabilities reach `share`; at least one.
void Sampler::keep_top_p(float share) {
  const double best = candidates_.front().logit;
  double sum = 0;
  for (const Candidate& candidate : candidates_) sum += std::exp(candidate.logit - best);
  double reached = 0;
  for (size_t i = 0; i < candidates_.size(); ++i) {
    reached += std::exp(candidates_[i].logit - best) / sum;
    if (reached >= share) return candidates_.resize(i + 1);
  }
}

// Those at least `share` times as likely as the best.
void Sampler::keep_min_p(float share) {
  const double lowest = candidates_.front().logit + std::log(static_cast<double>(share));
  size_t kept = 1;
  while (kept < candidates_.size() && candidates_[kept].logit >= lowest) ++kept;
  candidates_.resize(kept);
}

Token Sampler::choose(std::span<const float> logits, const SamplingParameters& parameters,
                      std::span<const Token> history, std::span<const Token> ids, std::span<const uint32_t> allowed) {
  PACELINE_ASSERT(!logits.empty() && (ids.empty() || ids.size() == logits.size()));
  const auto token_of = [&](Token index) { return ids.empty() ? index : ids[static_cast<size_t>(index)]; };
  if (!parameters.bias.empty() || parameters.has_penalties() || !allowed.empty()) {
    adjust(logits, parameters, history, ids);
    if (!allowed.empty()) forbid(ids, allowed);
    logits = adjusted_;
  }
  if (parameters.temperature <= 0) return token_of(most_likely(logits));

  keep_top_k(logits, parameters.top_k);
  // Tokens that are not allowed stand last; among none but them there is nothing to weigh.
  while (!allowed.empty() && candidates_.size() > 1 && std::isinf(candidates_.back().logit)) candidates_.pop_back();
  if (candidates_.size() == 1) return token_of(candidates_.front().token);
  if (parameters.top_p < 1) keep_top_p(parameters.top_p);
  if (parameters.min_p > 0) keep_min_p(parameters.min_p);
  const int64_t position = static_cast<int64_t>(history.size());
  Token best = token_of(candidates_.front().token);
  double best_score = -std::numeric_limits<double>::infinity();
  for (const Candidate& candidate : candidates_) {
    const Token token = token_of(candidate.token);
    const double score =
        candidate.logit / static_cast<double>(parameters.temperature) + gumbel_noise(parameters.seed, position, token);
    if (score > best_score || (score == best_score && token < best)) best = token, best_score = score;
  }
  return best;
}

}  // namespace paceline

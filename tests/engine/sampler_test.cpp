#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "base/random.h"

namespace paceline {
namespace {

std::vector<float> random_logits(uint64_t seed, int count, float spread) {
  std::vector<float> logits;
  for (int i = 0; i < count; ++i)
    logits.push_back(spread * static_cast<float>(unit_interval(random_word(seed, static_cast<uint64_t>(i))) - 0.5));
  return logits;
}

SamplingParameters greedy() {
  SamplingParameters parameters;
  parameters.temperature = 0;
  return parameters;
}

// The definition, without a thought for speed: the tokens that survive truncation, with their probabilities at the temperature.
std::map<Token, double> distribution(std::vector<float> logits, const SamplingParameters& p,
                                     const std::vector<Token>& history) {
  for (const LogitBias& bias : p.bias) logits[static_cast<size_t>(bias.token)] += bias.bias;
  std::map<Token, int> counts;
  const size_t window = std::min(history.size(), static_cast<size_t>(p.penalty_window));
  for (size_t i = history.size() - window; i < history.size(); ++i) ++counts[history[i]];
  for (const auto& [token, count] : counts) {
    float& logit = logits[static_cast<size_t>(token)];
    logit = logit > 0 ? logit / p.repeat_penalty : logit * p.repeat_penalty;
    logit -= static_cast<float>(count) * p.frequency_penalty + p.presence_penalty;
  }
  std::vector<Token> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](Token a, Token b) { return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)]; });
  if (p.top_k > 0) order.resize(std::min(order.size(), static_cast<size_t>(p.top_k)));
  const auto weight = [&](Token token, double temperature) {
    return std::exp((logits[static_cast<size_t>(token)] - logits[static_cast<size_t>(order[0])]) / temperature);
  };
  double sum = 0;
  for (const Token token : order) sum += weight(token, 1);
  double reached = 0;
  size_t kept = 0;
  while (kept < order.size() && (kept == 0 || reached < static_cast<double>(p.top_p)))
    reached += weight(order[kept++], 1) / sum;
  if (p.top_p < 1) order.resize(kept);
  std::erase_if(order, [&](Token token) { return weight(token, 1) < static_cast<double>(p.min_p); });
  std::map<Token, double> result;
  double total = 0;
  for (const Token token : order) total += result[token] = weight(token, static_cast<double>(p.temperature));
  for (auto& [token, probability] : result) probability /= total;
  return result;
}

TEST(Sampler, GreedyTakesTheLowestOfEqualLogits) {
  Sampler sampler(5);
  const std::vector<float> logits = {1, 3, 2, 3, -1};
  EXPECT_EQ(sampler.choose(logits, greedy(), {}), 1);
}

TEST(Sampler, GreedySeesBiasAndPenalties) {
  Sampler sampler(4);
  SamplingParameters parameters = greedy();
  const std::vector<float> logits = {1.0f, 2.0f, 1.9f, -0.5f};
  parameters.bias = {{3, 10.0f}};
  EXPECT_EQ(sampler.choose(logits, parameters, {}), 3);
  parameters.bias = {{3, -std::numeric_limits<float>::infinity()}};
  parameters.presence_penalty = 0.2f;
  const std::vector<Token> history = {1};
  EXPECT_EQ(sampler.choose(logits, parameters, history), 2);
  parameters.penalty_window = 0;
  EXPECT_EQ(sampler.choose(logits, parameters, history), 1);
}

TEST(Sampler, IsAPureFunction) {
  Sampler a(500), b(500);
  SamplingParameters parameters;
  parameters.seed = 9;
  const std::vector<Token> history = {1, 2, 3};
  for (uint64_t i = 0; i < 50; ++i) b.choose(random_logits(i, 500, 9), parameters, history);
  for (uint64_t i = 0; i < 50; ++i) {
    const std::vector<float> logits = random_logits(100 + i, 500, 9);
    EXPECT_EQ(a.choose(logits, parameters, history), b.choose(logits, parameters, history));
  }
}

struct Truncation {
  int top_k;
  float top_p, min_p, temperature, repeat;
};

class SamplerDistribution : public testing::TestWithParam<Truncation> {};

// Frequencies over many positions follow the definition: chi-squared below the 1 - 1e-6 quantile, and nothing outside the support.
TEST_P(SamplerDistribution, MatchesTheDefinition) {
  const Truncation t = GetParam();
  SamplingParameters parameters;
  parameters.top_k = t.top_k, parameters.top_p = t.top_p, parameters.min_p = t.min_p,
  parameters.temperature = t.temperature;
  parameters.repeat_penalty = t.repeat, parameters.frequency_penalty = 0.1f, parameters.presence_penalty = 0.3f;
  parameters.bias = {{7, 2.0f}};
  parameters.penalty_window = 4;
  const std::vector<float> logits = random_logits(5, 60, 6);
  std::map<Token, int> seen;
  constexpr int kDraws = 20000;
  const std::vector<Token> history = {3, 7, 7, 11, 30};
  Sampler sampler(60);
  for (int i = 0; i < kDraws; ++i) {
    parameters.seed = static_cast<uint64_t>(i);
    ++seen[sampler.choose(logits, parameters, history)];
  }
  const std::map<Token, double> want = distribution(logits, parameters, history);
  for (const auto& [token, count] : seen) EXPECT_TRUE(want.contains(token)) << token;
  double chi_squared = 0;
  for (const auto& [token, probability] : want) {
    const double expected = probability * kDraws;
    chi_squared += (seen[token] - expected) * (seen[token] - expected) / expected;
  }
  const double freedom = static_cast<double>(want.size()) - 1;
  EXPECT_LE(chi_squared, freedom + 5 * std::sqrt(2 * freedom) + 10) << want.size() << " tokens in the support";
}

INSTANTIATE_TEST_SUITE_P(All, SamplerDistribution,
                         testing::Values(Truncation{0, 1, 0, 1, 1}, Truncation{10, 1, 0, 0.8f, 1},
                                         Truncation{0, 0.9f, 0, 1, 1.3f}, Truncation{0, 1, 0.1f, 1, 1},
                                         Truncation{20, 0.8f, 0.05f, 0.6f, 1.1f}, Truncation{1, 1, 0, 1, 1}));

TEST(Sampler, TopKKeepsLowerIdsOfTies) {
  Sampler sampler(8);
  SamplingParameters parameters;
  parameters.top_k = 3, parameters.top_p = 1, parameters.min_p = 0;
  const std::vector<float> logits = {0, 1, 1, 1, 1, 1, 0, 1};
  std::set<Token> seen;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    parameters.seed = seed;
    seen.insert(sampler.choose(logits, parameters, {}));
  }
  EXPECT_EQ(seen, (std::set<Token>{1, 2, 3}));
}

// Coupled drafts: the same noise on nearly the same logits gives the same token most of the time, independent noise seldom.
TEST(Sampler, TheSameNoiseAgreesOnSimilarLogits) {
  Sampler sampler(2000);
  SamplingParameters parameters;
  int coupled = 0, independent = 0;
  constexpr int kTrials = 400;
  for (uint64_t i = 0; i < kTrials; ++i) {
    const std::vector<float> target = random_logits(i, 2000, 12);
    std::vector<float> draft = target;
    const std::vector<float> noise = random_logits(i + 9999, 2000, 0.5f);
    for (size_t j = 0; j < draft.size(); ++j) draft[j] += noise[j];
    const std::vector<Token> history(i % 50, 1);
    parameters.seed = 3;
    const Token chosen = sampler.choose(target, parameters, history);
    coupled += sampler.choose(draft, parameters, history) == chosen;
    parameters.seed = 4;
    independent += sampler.choose(draft, parameters, history) == chosen;
  }
  EXPECT_GT(coupled, kTrials / 2);
  EXPECT_LT(independent, kTrials / 4);
}

TEST(Sampler, NoiseIsFiniteAndSpread) {
  double sum = 0;
  for (int i = 0; i < 100000; ++i) {
    const double noise = gumbel_noise(1, i, i % 7);
    ASSERT_TRUE(std::isfinite(noise));
    sum += noise;
  }
  EXPECT_NEAR(sum / 100000, 0.5772, 0.02);  // Euler's constant
}

}  // namespace
}  // namespace paceline

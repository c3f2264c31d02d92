// Sampler::choose from a list: whatever it says is what the whole row says, and it says something where it matters.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/random.h"
#include "device/device.h"
#include "engine/sampler.h"

namespace paceline {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

class Dice {
 public:
  explicit Dice(uint64_t seed) : seed_(seed) {}
  uint64_t below(uint64_t count) { return random_word(seed_, ++thrown_) % count; }
  bool one_in(uint64_t count) { return below(count) == 0; }
  double unit() { return unit_interval(random_word(seed_, ++thrown_)); }
  template <class Value>
  Value of(std::initializer_list<Value> values) {
    return values.begin()[below(values.size())];
  }

 private:
  uint64_t seed_, thrown_ = 0;
};

// One question, from the usual to the absurd.
struct Case {
  std::vector<float> logits;
  std::vector<Token> ids;
  SamplingParameters parameters;
  std::vector<Token> history;
  std::vector<uint32_t> allowed;

  Token token(size_t column) const { return ids.empty() ? static_cast<Token>(column) : ids[column]; }
};

float any_logit(Dice& dice, bool is_hostile) {
  if (is_hostile && dice.one_in(6))
    return dice.of({kInfinity, -kInfinity, -kInfinity, -kInfinity, kNan, 3e38f, -3e38f, 1e-40f, -0.0f});
  if (dice.one_in(2)) return static_cast<float>(dice.below(9)) - 4;  // ties
  return static_cast<float>(12 * dice.unit() - 6);
}

SamplingParameters any_parameters(Dice& dice, int columns, bool is_hostile) {
  SamplingParameters p;
  p.temperature = dice.of({0.0f, 0.2f, 0.8f, 0.8f, 1.5f, 10.0f});
  p.top_k = dice.of({0, 0, 1, 2, 3, 5, 10, 40});
  p.top_p = dice.of({1.0f, 1.0f, 0.95f, 0.5f, 0.2f});
  p.min_p = dice.of({0.0f, 0.0f, 0.05f, 0.3f});
  p.seed = dice.below(1000000);
  if (dice.one_in(3)) {
    p.repeat_penalty = dice.of({1.0f, 1.1f, 2.0f, 0.7f});
    p.presence_penalty = dice.of({0.0f, 0.3f, -0.5f});
    p.frequency_penalty = dice.of({0.0f, 0.2f});
    p.penalty_window = dice.of({64, 2, 0, -1});
  }
  for (uint64_t i = dice.one_in(3) ? dice.below(4) : 0; i > 0; --i)
    p.bias.push_back({static_cast<Token>(dice.below(static_cast<uint64_t>(2 * columns + 2))),
                      dice.of({1.0f, 3.0f, -2.0f, -100.0f, -kInfinity})});
  if (!is_hostile) return p;
  if (dice.one_in(4)) p.temperature = dice.of({-1.0f, 1e-5f, 1e-30f, kInfinity, kNan});
  if (dice.one_in(4)) p.top_p = dice.of({0.0f, -1.0f, 2.0f, 0.9999999f, kNan});
  if (dice.one_in(4)) p.min_p = dice.of({1.0f, 2.0f, -1.0f, kNan});
  if (dice.one_in(4)) p.top_k = dice.of({-1, 1 << 30});
  if (dice.one_in(4)) p.repeat_penalty = dice.of({0.0f, -1.0f, kInfinity, kNan});
  if (dice.one_in(4)) p.presence_penalty = dice.of({kInfinity, -kInfinity, kNan});
  if (dice.one_in(4)) p.bias.push_back({0, dice.of({kInfinity, kNan, 3e38f})});
  return p;
}

Case any_case(uint64_t seed) {
  Dice dice(seed);
  const bool is_hostile = dice.one_in(3);
  const size_t columns = 1 + dice.below(40);
  Case made;
  for (size_t i = 0; i < columns; ++i) made.logits.push_back(any_logit(dice, is_hostile));
  if (dice.one_in(4))
    for (size_t i = 0; i < columns; ++i) made.ids.push_back(static_cast<Token>(2 * i + dice.below(2)));
  made.parameters = any_parameters(dice, static_cast<int>(columns), is_hostile);
  for (uint64_t i = dice.below(8); i > 0; --i) made.history.push_back(static_cast<Token>(dice.below(2 * columns)));
  if (dice.one_in(3)) {
    const uint64_t one_in = 1 + dice.below(4);
    made.allowed.assign(2 * columns / 32 + 1, 0);
    for (size_t token = 0; token < 2 * columns; ++token)
      if (dice.one_in(one_in) && !dice.one_in(20)) made.allowed[token / 32] |= 1u << (token % 32);
  }
  return made;
}

// What a device may answer: rough scores and a sum that are off by up to what they may be.
std::vector<int32_t> list_words(const Case& of, const CandidateRanking& ranking, size_t count, Dice& dice) {
  std::vector<double> ranks;
  for (size_t i = 0; i < of.logits.size(); ++i) {
    double rank = std::isnan(of.logits[i]) ? -kInfinity : of.logits[i];
    if (ranking.by_noise()) {
      rank =
          rank / static_cast<double>(ranking.temperature) + gumbel_noise(ranking.seed, ranking.position, of.token(i));
      const double error = kCandidateScoreError * (std::fabs(rank) + 64);
      if (std::isfinite(rank)) rank += dice.of({-1.0, 1.0, 0.0}) * error;
    }
    ranks.push_back(rank);
  }
  std::vector<size_t> order(of.logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return ranks[a] > ranks[b]; });
  float largest = -kInfinity;
  for (const float logit : of.logits) largest = std::max(largest, logit);
  double sum = 0;
  for (const float logit : of.logits) sum += std::exp(static_cast<double>(logit) - static_cast<double>(largest));
  if (!std::isfinite(sum)) sum = 0;
  sum *= 1 + dice.of({-1.0, 1.0, 0.0}) * 0.99 * kCandidateSumError;
  std::vector<int32_t> words(static_cast<size_t>(candidate_words(static_cast<int>(count))), -1);
  words[0] = std::bit_cast<int32_t>(largest);
  words[1] = std::bit_cast<int32_t>(static_cast<float>(sum));
  for (size_t i = 0; i < std::min(count, order.size()); ++i) {
    words[2 + i] = of.token(order[i]);
    words[2 + count + i] = std::bit_cast<int32_t>(of.logits[order[i]]);
  }
  return words;
}

std::string describe(const Case& of) {
  const SamplingParameters& p = of.parameters;
  std::string text =
      cat(", temperature ", p.temperature, ", top-k ", p.top_k, ", top-p ", p.top_p, ", min-p ", p.min_p,
          ", penalties ", p.repeat_penalty, " ", p.presence_penalty, " ", p.frequency_penalty, ", logits");
  for (const float logit : of.logits) text += cat(" ", logit);
  for (const LogitBias& bias : p.bias) text += cat(", bias of ", bias.token, ": ", bias.bias);
  for (const Token token : of.history) text += cat(", after ", token);
  return text + (of.allowed.empty() ? "" : ", constrained");
}

TEST(ListedChoice, IsTheWholeRowsOrNone) {
  Sampler sampler(100);
  constexpr uint64_t kCases = 1000000;
  uint64_t proven = 0, proven_by_noise = 0, proven_incomplete = 0;
  for (uint64_t seed = 0; seed < kCases; ++seed) {
    const Case asked = any_case(seed);
    Dice dice(~seed);
    CandidateRanking ranking = Sampler::ranking(asked.parameters, asked.history.size(), !asked.allowed.empty());
    if (dice.one_in(4)) ranking = {};
    const size_t count = 1 + dice.below(asked.logits.size() + 3);
    const std::vector<int32_t> words = list_words(asked, ranking, count, dice);
    const CandidateList list(words, static_cast<int>(asked.logits.size()), ranking);
    const auto token = sampler.choose(list, asked.parameters, asked.history, asked.allowed);
    if (!token) continue;
    ++proven;
    proven_by_noise += ranking.by_noise();
    proven_incomplete += !list.is_complete();
    ASSERT_EQ(*token, sampler.choose(asked.logits, asked.parameters, asked.history, asked.ids, asked.allowed))
        << "case " << seed << ", " << count << " of " << asked.logits.size() << describe(asked);
  }
  EXPECT_GT(proven, kCases / 3);
  EXPECT_GT(proven_incomplete, kCases / 8);
  EXPECT_GT(proven_by_noise, kCases / 100);
  RecordProperty("proven", static_cast<int>(proven));
  RecordProperty("proven_incomplete", static_cast<int>(proven_incomplete));
  RecordProperty("proven_by_noise", static_cast<int>(proven_by_noise));
}

// Three tokens whose true scores are closer together than rough ones need be: a list that leaves out the best of them proves nothing.
TEST(ListedChoice, ScoresWithinTheirErrorsProveNothing) {
  Sampler sampler(8);
  Case asked;
  asked.parameters.temperature = 1, asked.parameters.top_k = 0, asked.parameters.top_p = 1, asked.parameters.min_p = 0;
  const CandidateRanking ranking = Sampler::ranking(asked.parameters, 0, false);
  ASSERT_TRUE(ranking.by_noise());
  for (const auto& [gap, is_proven] : {std::pair{2e-5, false}, {1e-3, true}}) {
    asked.logits.clear();
    for (int token = 0; token < 3; ++token)  // the last is the best, and not listed where gaps are small
      asked.logits.push_back(static_cast<float>(token * gap - gumbel_noise(0, 0, token)));
    const std::vector<int> listed = is_proven ? std::vector{2, 1} : std::vector{1, 0};
    std::vector<int32_t> words = {0, std::bit_cast<int32_t>(2.0f), listed[0], listed[1]};
    for (const int token : listed) words.push_back(std::bit_cast<int32_t>(asked.logits[static_cast<size_t>(token)]));
    const auto token = sampler.choose(CandidateList(words, 3, ranking), asked.parameters, {});
    EXPECT_EQ(token, is_proven ? std::optional<Token>(2) : std::nullopt) << "gap " << gap;
    EXPECT_EQ(sampler.choose(asked.logits, asked.parameters, {}), 2);
  }
}

TEST(ListedChoice, SaysNothingOfRowsThatAreNotNumbers) {
  Sampler sampler(8);
  Dice dice(1);
  for (const float odd : {kNan, kInfinity}) {
    Case asked;
    asked.logits = {1, 5, odd, 2};
    const std::vector<int32_t> words = list_words(asked, {}, 4, dice);
    EXPECT_EQ(sampler.choose(CandidateList(words, 4, {}), asked.parameters, asked.history), std::nullopt);
  }
}

struct Setting {
  const char* name;
  float temperature;
  int top_k;
  float top_p, min_p, repeat;
  int least_proven;  // of 200
};

// Rows as models make them: a few likely tokens before a long tail, as wide as a vocabulary.
class ListedChoiceOfModels : public testing::TestWithParam<Setting> {};

TEST_P(ListedChoiceOfModels, ProvesAlmostAll) {
  constexpr int kColumns = 50000, kRows = 200, kCount = 128;
  const Setting setting = GetParam();
  const auto device = open_device({.kind = "cpu", .threads = 1, .isa = ""});
  const OwnedTensor logits = device->allocate(DType::F32, 1, kColumns),
                    out = device->allocate(DType::I32, 1, candidate_words(kCount));
  Sampler sampler(kColumns);
  SamplingParameters parameters;
  parameters.temperature = setting.temperature, parameters.top_k = setting.top_k, parameters.top_p = setting.top_p;
  parameters.min_p = setting.min_p, parameters.repeat_penalty = setting.repeat;
  int proven = 0;
  for (int row = 0; row < kRows; ++row) {
    Dice dice(static_cast<uint64_t>(row));
    const double likely = 6 + 12 * dice.unit();
    for (int i = 0; i < kColumns; ++i) {
      double bell = -6;
      for (int term = 0; term < 12; ++term) bell += dice.unit();
      logits.f32()[i] = static_cast<float>(2.2 * bell);
    }
    for (int i = 0; i < 12; ++i) logits.f32()[dice.below(kColumns)] += static_cast<float>(likely - 0.5 * i);
    std::vector<Token> history;
    for (int i = 0; i < 100; ++i) history.push_back(static_cast<Token>(dice.below(kColumns)));
    parameters.seed = static_cast<uint64_t>(row);
    const CandidateRanking ranking = Sampler::ranking(parameters, history.size(), false);
    device->list_candidates(out, logits, {}, std::span(&ranking, 1));
    const CandidateList list({out.i32(), static_cast<size_t>(out.cols)}, kColumns, ranking);
    const auto token = sampler.choose(list, parameters, history);
    if (!token) continue;
    ++proven;
    EXPECT_EQ(*token, sampler.choose({logits.f32(), kColumns}, parameters, history)) << "row " << row;
  }
  RecordProperty("proven", proven);
  EXPECT_GE(proven, setting.least_proven) << setting.name;
}

INSTANTIATE_TEST_SUITE_P(
    All, ListedChoiceOfModels,
    testing::Values(Setting{"default", 0.8f, 40, 0.95f, 0.05f, 1, 200}, Setting{"greedy", 0, 40, 0.95f, 0.05f, 1, 200},
                    Setting{"penalties", 0.8f, 40, 0.95f, 0.05f, 1.1f, 200},
                    Setting{"greedy with penalties", 0, 40, 1, 0, 1.1f, 200},
                    Setting{"wide top-k", 0.8f, 200, 0.95f, 0.05f, 1, 150},
                    Setting{"min-p alone", 1, 0, 1, 0.05f, 1, 200}, Setting{"top-p alone", 0.7f, 0, 0.9f, 0, 1, 60},
                    Setting{"all tokens", 1, 0, 1, 0, 1, 199}, Setting{"all tokens, hot", 1.5f, 0, 1, 0, 1, 199}),
    [](const auto& of) {
      std::string name = of.param.name;
      std::erase_if(name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); });
      return name;
    });

}  // namespace
}  // namespace paceline

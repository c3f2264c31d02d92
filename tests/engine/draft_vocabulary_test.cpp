#include "engine/draft_vocabulary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace paceline {
namespace {

constexpr int kVocabulary = 60000, kWidth = 32;

// Only an output head.
class HeadOnly final : public Model {
 public:
  explicit HeadOnly(int rows) : values_(static_cast<size_t>(rows) * kWidth) {
    for (size_t i = 0; i < values_.size(); ++i) values_[i] = static_cast<float>(unit_interval(random_word(1, i)) - 0.5);
    facts_.vocab_size = rows;
    facts_.width = kWidth;
  }
  const ModelFacts& facts() const override { return facts_; }
  StateShape state_shape(int, int, KvTypes) const override { return {}; }
  void forward(const Batch&, Tensor) override {}
  void draft(const Batch&, Tensor, int) override {}
  void logits(Tensor, Tensor) override {}
  void draft_logits(Tensor out, Tensor hidden) override {
    for (int token = 0; token < facts_.vocab_size; ++token) out.f32()[token] = exact(token, hidden);
  }
  QuantMatrix draft_head() const override {
    return {QuantType::F32, facts_.vocab_size, kWidth, std::as_bytes(std::span(values_))};
  }
  float exact(int token, Tensor hidden) const {
    float sum = 0;
    for (int i = 0; i < kWidth; ++i)
      sum += values_[static_cast<size_t>(token) * kWidth + static_cast<size_t>(i)] * hidden.f32()[i];
    return sum;
  }

 private:
  ModelFacts facts_;
  std::vector<float> values_;
};

class DraftVocabularyTest : public testing::Test {
 protected:
  DraftVocabularyTest() : device_(open_device({.kind = "reference", .threads = 0, .isa = ""})) {
    hidden_ = device_->allocate(DType::F32, 1, kWidth);
    for (int i = 0; i < kWidth; ++i)
      hidden_.f32()[i] = static_cast<float>(unit_interval(random_word(2, static_cast<uint64_t>(i))) - 0.5);
  }
  std::unique_ptr<Device> device_;
  OwnedTensor hidden_;
};

// Its ids as the device has them.
std::vector<Token> device_ids(Device& device, const DraftVocabulary& vocabulary) {
  const Tensor ids = vocabulary.device_ids();
  std::vector<Token> read(static_cast<size_t>(ids.rows));
  if (ids.rows > 0) device.read(read.data(), ids);
  return read;
}

bool contains(std::span<const Token> ids, Token token) { return std::binary_search(ids.begin(), ids.end(), token); }

TEST_F(DraftVocabularyTest, SmallHeadsAreUsedInFull) {
  HeadOnly model(1000);
  DraftVocabulary vocabulary(*device_, model, 1);
  EXPECT_TRUE(vocabulary.ids().empty());
  EXPECT_EQ(vocabulary.device_ids().data, nullptr);
  const Tensor logits = vocabulary.logits(hidden_);
  EXPECT_EQ(logits.cols, 1000);
  EXPECT_EQ(logits.f32()[77], model.exact(77, hidden_));
}

TEST_F(DraftVocabularyTest, LogitsAreThoseOfTheKnownTokensInFourBits) {
  HeadOnly model(kVocabulary);
  DraftVocabulary vocabulary(*device_, model, 1);
  const Tensor logits = vocabulary.logits(hidden_);
  const std::span<const Token> ids = vocabulary.ids();
  ASSERT_EQ(static_cast<size_t>(logits.cols), ids.size());
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  EXPECT_EQ(device_ids(*device_, vocabulary), std::vector<Token>(ids.begin(), ids.end()));
  EXPECT_TRUE(contains(ids, 0) && contains(ids, kVocabulary - 1)) << "frequent and special tokens";
  double error = 0, norm = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    const double want = model.exact(ids[i], hidden_), got = logits.f32()[i];
    error += (got - want) * (got - want), norm += want * want;
  }
  EXPECT_LT(error / norm, 0.02);
  EXPECT_LT(vocabulary.bytes_per_draft(), model.draft_head().bytes.size() / 8);
}

TEST_F(DraftVocabularyTest, TakesInWhatOccurs) {
  HeadOnly model(kVocabulary);
  DraftVocabulary vocabulary(*device_, model, 1);
  const std::vector<Token> rare = {50001, 50003, 50005, 50007, 50009, 50011, 50013, 50015};
  EXPECT_FALSE(contains(vocabulary.ids(), 50007));
  vocabulary.observe(rare);
  vocabulary.refresh();
  EXPECT_TRUE(contains(vocabulary.ids(), 50007));
  EXPECT_TRUE(contains(device_ids(*device_, vocabulary), 50007));
  const Tensor logits = vocabulary.logits(hidden_);
  const auto at = std::lower_bound(vocabulary.ids().begin(), vocabulary.ids().end(), 50007) - vocabulary.ids().begin();
  EXPECT_NEAR(logits.f32()[at], model.exact(50007, hidden_), 0.15);
}

TEST_F(DraftVocabularyTest, OneRareTokenWaitsButNotForever) {
  HeadOnly model(kVocabulary);
  DraftVocabulary vocabulary(*device_, model, 1);
  const Token rare = 50001;
  vocabulary.observe(std::span(&rare, 1));
  vocabulary.refresh();
  EXPECT_FALSE(contains(vocabulary.ids(), rare));
  for (int i = 0; i < 40; ++i) vocabulary.refresh();
  EXPECT_TRUE(contains(vocabulary.ids(), rare));
}

TEST_F(DraftVocabularyTest, RemembersWhatEarlierTextsHad) {
  HeadOnly model(kVocabulary);
  std::vector<Token> text(30, 50001);
  text.insert(text.end(), 3, 50003);
  text.insert(text.end(), {7, 50005, 50007, 50009, 50011, 50013, 50015, 50017});
  DraftVocabulary first(*device_, model, 1), next(*device_, model, 1);
  EXPECT_TRUE(first.learned().empty());
  first.observe(text);
  first.refresh();
  std::vector<Token> learned = first.learned();
  ASSERT_EQ(learned.size(), 9u);
  EXPECT_EQ(learned[0], 50001);
  EXPECT_EQ(learned[1], 50003);
  learned.insert(learned.end(), {-1, kVocabulary, 3});
  next.learn(learned);
  EXPECT_TRUE(contains(next.ids(), 50001) && contains(next.ids(), 50017));
  EXPECT_EQ(next.learned().size(), 9u) << "kept for the run after this, too";
  EXPECT_NEAR(
      next.logits(hidden_).f32()[std::lower_bound(next.ids().begin(), next.ids().end(), 50003) - next.ids().begin()],
      model.exact(50003, hidden_), 0.15);
}

TEST_F(DraftVocabularyTest, WidensWhereMissesAreFrequent) {
  HeadOnly model(kVocabulary);
  DraftVocabulary vocabulary(*device_, model, 1);
  std::vector<Token> text;
  for (int i = 0; i < 600; ++i) text.push_back(i % 5 == 0 ? 40000 + i : i);
  vocabulary.observe(text);
  vocabulary.refresh();
  EXPECT_EQ(vocabulary.ids().size(), static_cast<size_t>(kVocabulary));
}

}  // namespace
}  // namespace paceline

// With a device whose memory is not the host's: the same text, from lists instead of rows, with one wait for each draft of a round and one for
// its verification, however many sequences take part.
#include "engine/logit_rows.h"

#include <gtest/gtest.h>

#include "device/forwarding_device.h"
#include "engine/engine_fixture.h"
#include "engine/mtp_drafter.h"
#include "engine/runner.h"

namespace paceline {
namespace {

using test::LoadedModel;

LoadedModel& tied() {
  static LoadedModel loaded("hybrid-tied.Q8_0.gguf");
  return loaded;
}

// Another device's memory as if it were out of reach, and what is read from it.
class OwnMemory final : public ForwardingDevice {
 public:
  using ForwardingDevice::ForwardingDevice;
  bool memory_is_host() const override { return false; }
  uint64_t available_bytes() const override { return uint64_t{1} << 32; }
  void read(void* values, Tensor from) override {
    inner_.read(values, from);
    ++reads;
    bytes += static_cast<size_t>(from.rows) * static_cast<size_t>(from.cols) * 4;
    rows += from.dtype == DType::F32 ? from.rows : 0;
  }
  void forget() { reads = rows = 0, bytes = 0; }

  int reads = 0, rows = 0;  // rows: whole ones, of logits
  size_t bytes = 0;
};

// Puts the truth in the place of what the head proposes, as a better head would: drafts get accepted. It must know them for that.
class Taught final : public Drafter {
 public:
  Taught(Device& device, MtpDrafter& head) : device_(device), head_(head) {}
  void observe_prompt(Sequence& sequence, int first_position, Tensor hidden) override {
    head_.observe_prompt(sequence, first_position, hidden);
  }
  void propose(std::span<Sequence* const> sequences) override {
    head_.propose(sequences);
    proposed.clear();
    if (!teaches) return;
    const bool is_ahead = std::ranges::any_of(sequences, [](const Sequence* of) { return !of->ahead.empty(); });
    if (is_ahead) look();
    for (size_t i = 0; i < sequences.size(); ++i) {
      Sequence& sequence = *sequences[i];
      sequence.take_ahead(words_);
      proposed.push_back(sequence.drafts);
      for (size_t d = 0; d < std::min<size_t>(sequence.drafts.size(), i + 1); ++d)
        sequence.drafts[d] = truth.at(i).at(sequence.output().size() + d);
    }
  }
  Tensor drafts_ahead() const override { return head_.drafts_ahead(); }

  std::vector<std::vector<Token>> truth, proposed;  // by sequence, in the order of the step
  bool teaches = false;

 private:
  void look() {
    const Tensor drafts = head_.drafts_ahead();
    words_.resize(static_cast<size_t>(drafts.rows) * kDraftWords);
    device_.read(words_.data(), drafts);
  }

  Device& device_;
  MtpDrafter& head_;
  std::vector<int32_t> words_;
};

// Sequences that run together, three drafts each.
struct Party {
  static constexpr int kDrafts = 3, kTokens = 40;

  Party(Device& device, const std::vector<SamplingParameters>& sampling)
      : options{.max_prompt_rows = 64, .max_sequences = static_cast<int>(sampling.size()), .max_drafts = kDrafts},
        head(device, *tied().model, options),
        drafter(device, head),
        runner(device, *tied().model, &drafter, options) {
    const Model& model = *tied().model;
    for (size_t i = 0; i < sampling.size(); ++i) {
      sequences.push_back(std::make_unique<Sequence>(device, model, model.state_shape(200, 1 + kDrafts, {}),
                                                     test::random_prompt(model, i, 20 + static_cast<int>(i)),
                                                     sampling[i]));
      sequences.back()->least_reach.fill(1e-9);  // confidences are wanted and never stop a chain
      all.push_back(sequences.back().get());
    }
  }

  void step() {
    for (Sequence* sequence : all) sequence->draft_budget = sequence->in_prompt() ? 0 : kDrafts;
    runner.step(all);
  }
  void run() {
    while (shortest() < kTokens) step();
  }
  size_t shortest() const {
    size_t least = kTokens;
    for (const Sequence* sequence : all) least = std::min(least, sequence->output().size());
    return least;
  }

  RunnerOptions options;
  MtpDrafter head;
  Taught drafter;
  Runner runner;
  std::vector<std::unique_ptr<Sequence>> sequences;
  std::vector<Sequence*> all;
};

// Every second token.
class AllowEven final : public TokenConstraint {
 public:
  explicit AllowEven(int vocab_size) : words_(static_cast<size_t>((vocab_size + 31) / 32), 0x55555555u) {}
  std::span<const uint32_t> allowed() override { return words_; }
  void accept(Token token) override { EXPECT_EQ(token % 2, 0); }
  void rollback(int) override {}

 private:
  std::vector<uint32_t> words_;
};

std::vector<SamplingParameters> usual() {
  std::vector<SamplingParameters> sampling;
  for (uint64_t seed = 0; seed < 4; ++seed) sampling.push_back(test::sampling(seed == 2 ? 0.0f : 0.8f, seed));
  return sampling;
}

std::vector<Token> start(const Sequence& sequence) {
  return {sequence.output().begin(), sequence.output().begin() + Party::kTokens};
}

std::vector<Token> alone(size_t i, const SamplingParameters& sampling, int count = Party::kTokens) {
  const std::vector<Token> prompt = test::random_prompt(*tied().model, i, 20 + static_cast<int>(i));
  std::vector<Token> tokens = test::answer_alone(tied(), {prompt, sampling, count, {}}).tokens;
  tokens.resize(static_cast<size_t>(count));
  return tokens;
}

TEST(LogitRows, SameTextAndOneWaitForEachDraftAndEachVerification) {
  const std::vector<SamplingParameters> sampling = usual();
  OwnMemory device(*tied().device);
  Party party(device, sampling);
  party.step();  // prompts
  EXPECT_EQ(device.reads, 1);
  const size_t list_bytes = 4 * static_cast<size_t>(candidate_words(LogitRows::kCandidates));
  while (party.shortest() < Party::kTokens) {
    device.forget();
    party.step();
    EXPECT_EQ(device.rows, 0);
    int deepest = 0;
    size_t lists = 0;
    for (const Sequence* sequence : party.all) {
      deepest = std::max(deepest, sequence->head_drafts);
      lists += 2 * static_cast<size_t>(sequence->head_drafts) + 1 + sequence->drafts.size();
    }
    EXPECT_EQ(device.reads, deepest + 1);
    EXPECT_EQ(device.bytes, list_bytes * lists);
  }
  for (size_t i = 0; i < sampling.size(); ++i) {
    EXPECT_EQ(start(*party.all[i]), alone(i, sampling[i])) << "sequence " << i;
    EXPECT_GT(party.all[i]->stats.drafted[2], 0);
  }
}

// What the sampler decides without penalties, at several temperatures and truncations.
std::vector<SamplingParameters> unchanged(const std::vector<float>& temperatures) {
  std::vector<SamplingParameters> sampling;
  for (const float temperature : temperatures) {
    sampling.push_back(test::sampling(temperature, 2 * sampling.size()));
    if (sampling.size() == 2) sampling.back().top_k = 0, sampling.back().top_p = 1;
    if (sampling.size() == 3) sampling.back().top_k = 10, sampling.back().min_p = 0;
  }
  return sampling;
}

// Two parties of the same sequences, one on a device with its own memory and one on the host's, whose drafts and text must be the same.
struct Twins {
  explicit Twins(const std::vector<SamplingParameters>& sampling)
      : device(*tied().device), ahead(device, sampling), in_place(*tied().device, sampling) {
    for (Party* party : {&ahead, &in_place})
      for (size_t i = 0; i < sampling.size(); ++i) {
        party->drafter.truth.push_back(alone(i, sampling[i], 3 * Party::kTokens));
        party->all[i]->least_reach = {};
      }
  }
  std::array<Party*, 2> both() { return {&in_place, &ahead}; }
  void step(int round) {
    device.forget();
    for (Party* party : both()) {
      party->drafter.teaches = round % 3 == 2;
      party->step();
    }
    EXPECT_EQ(ahead.drafter.proposed, in_place.drafter.proposed) << "round " << round;
    for (size_t i = 0; i < ahead.all.size(); ++i) {
      EXPECT_EQ(ahead.all[i]->drafts, in_place.all[i]->drafts) << "round " << round << ", sequence " << i;
      EXPECT_EQ(ahead.all[i]->confidences.size(), in_place.all[i]->confidences.size());
      EXPECT_EQ(ahead.all[i]->tokens, in_place.all[i]->tokens);
    }
    EXPECT_EQ(device.rows, 0);
  }

  OwnMemory device;
  Party ahead, in_place;
};

// Chains that the host has no say in: one wait for all of a round, and the drafts of a device whose memory is the host's.
TEST(LogitRows, RoundsWaitOnce) {
  for (const std::vector<float>& temperatures :
       {std::vector{0.0f, 0.0f, 0.0f}, {0.8f, 0.8f, 0.8f}, {0.0f, 1.2f, 0.8f, 0.3f}}) {
    Twins twins(unchanged(temperatures));
    for (int round = 0; twins.in_place.shortest() < Party::kTokens; ++round) {
      if (round == 6)
        for (Party* party : twins.both()) party->all[0]->least_reach.fill(1e-9);  // confidences are asked for
      twins.step(round);
      EXPECT_EQ(twins.device.reads, twins.ahead.drafter.teaches && round > 0 ? 2 : 1) << "round " << round;
      EXPECT_EQ(twins.ahead.all[0]->stats.drafted[2], round);
    }
    EXPECT_GT(twins.ahead.all[2]->stats.accepted[1], 0);
    EXPECT_EQ(twins.ahead.all[2]->stats.accepted, twins.in_place.all[2]->stats.accepted);
  }
}

// An end token among drafts that nobody has looked at: the chain ends there, as it would have, and what was verified behind it is nothing.
TEST(LogitRows, ChainsThatWereAheadEndWhereTheTextMayEnd) {
  Twins twins(unchanged({0.0f, 0.8f, 0.8f}));
  bool has_ended = false;
  for (int round = 0; twins.in_place.shortest() < Party::kTokens; ++round) {
    if (round >= 1) {
      // The second draft of the round to come, from a party that stands at the same place.
      Sequence& sequence = *twins.in_place.all[1];
      sequence.stop_tokens.clear();
      Sequence* const only[] = {&sequence};
      sequence.draft_budget = Party::kDrafts;
      sequence.drafts.clear(), sequence.confidences.clear(), sequence.head_drafts = 0;
      twins.in_place.head.propose(only);
      for (Party* party : twins.both()) party->all[1]->stop_tokens = {sequence.drafts.at(1)};
    }
    twins.step(round);
    if (round == 0) continue;
    const Sequence& ended = *twins.ahead.all[1];
    EXPECT_LE(ended.drafts.size(), 2u);
    EXPECT_TRUE(twins.ahead.drafter.teaches || ended.is_stop(ended.drafts.back()));
    EXPECT_EQ(ended.verified_drafts, twins.ahead.drafter.teaches ? static_cast<int>(ended.drafts.size()) : 3);
    has_ended |= ended.drafts.size() == 2;
  }
  EXPECT_TRUE(has_ended);
}

// The host looks at a draft where another one depends on it, and not at the last.
TEST(LogitRows, ChainsThatConfidencesMayEndWaitForThem) {
  OwnMemory device(*tied().device);
  Party party(device, unchanged({0.8f, 0.0f}));
  party.step();
  bool has_stopped = false, has_gone_on = false;
  while (party.shortest() < Party::kTokens) {
    for (Sequence* sequence : party.all) sequence->least_reach = {0.02, 0.02};
    device.forget();
    party.step();
    size_t deepest = 0, looks = 0;  // at first and second drafts
    for (const Sequence* sequence : party.all) {
      const size_t count = sequence->drafts.size();
      EXPECT_EQ(sequence->confidences.size(), count);
      deepest = std::max(deepest, count);
      looks = std::max(looks, std::min<size_t>(count, Party::kDrafts - 1));
      has_stopped |= count < Party::kDrafts;
    }
    EXPECT_EQ(static_cast<size_t>(device.reads), looks + 1);
    has_gone_on |= deepest == Party::kDrafts;
  }
  EXPECT_TRUE(has_stopped && has_gone_on);
}

// A sequence drafts what it would draft by itself, whoever beside it needs the host, and however long others' chains are.
TEST(LogitRows, DraftsDoNotDependOnCompany) {
  std::vector<SamplingParameters> sampling = unchanged({0.8f, 0.0f, 0.8f});
  sampling[2].repeat_penalty = 1.2f;
  OwnMemory device(*tied().device);
  Party together(device, sampling), by_itself(device, {sampling[0]});
  AllowEven constraint(tied().model->facts().vocab_size);
  for (int round = 0; by_itself.shortest() < Party::kTokens; ++round) {
    together.all[1]->constraint = round % 4 == 3 ? &constraint : nullptr;
    for (Party* party : {&together, &by_itself}) {
      for (Sequence* sequence : party->all) sequence->draft_budget = sequence->in_prompt() ? 0 : 1 + round % 3;
      if (party == &together && round > 0)
        party->all[1]->draft_budget = round % 2 * Party::kDrafts, party->all[2]->draft_budget = round % 5 == 0 ? 2 : 0;
      party->runner.step(party->all);
    }
    EXPECT_EQ(together.all[0]->drafts, by_itself.all[0]->drafts) << "round " << round;
    EXPECT_EQ(together.all[0]->confidences, by_itself.all[0]->confidences);
    EXPECT_EQ(together.all[0]->tokens, by_itself.all[0]->tokens);
  }
}

TEST(LogitRows, RowsAreReadWhereListsProveNothing) {
  std::vector<SamplingParameters> sampling = usual();
  for (SamplingParameters& parameters : sampling) {
    parameters.temperature = 1;
    parameters.top_k = 300, parameters.top_p = 0.99f, parameters.min_p = 0;  // of 320 tokens
    parameters.presence_penalty = -0.1f;
  }
  OwnMemory device(*tied().device);
  Party party(device, sampling);
  party.run();
  EXPECT_GT(device.rows, 0);
  for (size_t i = 0; i < sampling.size(); ++i)
    EXPECT_EQ(start(*party.all[i]), alone(i, sampling[i])) << "sequence " << i;
}

TEST(LogitRows, ListenersGetWholeRowsOfThoseTheyListenTo) {
  const std::vector<SamplingParameters> sampling = usual();
  OwnMemory device(*tied().device);
  Party party(device, sampling);
  std::map<int, uint64_t> bits;
  int heard = 0;
  party.runner.wants_logits = [&](const Sequence& sequence) { return &sequence == party.all[1]; };
  party.runner.on_logits = [&](const Sequence& sequence, int position, std::span<const float> logits, Token) {
    EXPECT_EQ(&sequence, party.all[1]);
    bits[position] = test::hash_bits(logits);
    ++heard;
  };
  party.run();
  EXPECT_EQ(device.rows, heard);
  const std::vector<Token> prompt = test::random_prompt(*tied().model, 1, 21);
  for (const auto& [position, hash] : test::answer_alone(tied(), {prompt, sampling[1], Party::kTokens, {}}).bits)
    EXPECT_EQ(bits.at(position), hash) << "position " << position;
}

// Confidences only steer, but must say the same whoever is drafted beside.
TEST(LogitRows, ConfidencesDependOnTheirRowAlone) {
  const std::vector<SamplingParameters> sampling = usual();
  OwnMemory device(*tied().device);
  Party together(device, sampling), by_itself(device, {sampling[0]}), in_place(*tied().device, {sampling[0]});
  while (by_itself.shortest() < Party::kTokens) {
    for (Party* party : {&together, &by_itself, &in_place}) party->step();
    EXPECT_EQ(together.all[0]->confidences, by_itself.all[0]->confidences);
    ASSERT_EQ(in_place.all[0]->drafts, by_itself.all[0]->drafts);
    for (size_t i = 0; i < in_place.all[0]->confidences.size(); ++i)
      EXPECT_NEAR(in_place.all[0]->confidences[i], by_itself.all[0]->confidences[i], 2e-3);
  }
}

}  // namespace
}  // namespace paceline

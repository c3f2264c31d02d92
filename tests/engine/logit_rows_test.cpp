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

// Notes what the head proposes and puts the truth in its place where `teaches` says so, as a better head would: drafts get accepted.
class Taught final : public Drafter {
 public:
  explicit Taught(MtpDrafter& head) : head_(head) {}
  void observe_prompt(Sequence& sequence, int first_position, Tensor hidden) override {
    head_.observe_prompt(sequence, first_position, hidden);
  }
  void propose(std::span<Sequence* const> sequences) override {
    head_.propose(sequences);
    if (stops) {
      // Once more, with the second draft of one of them for an end token.
      sequences[1]->stop_tokens = {sequences[1]->drafts.at(1)};
      for (Sequence* sequence : sequences) {
        sequence->drafts.clear(), sequence->confidences.clear();
        sequence->head_drafts = 0;
      }
      head_.propose(sequences);
    }
    proposed.clear();
    for (size_t i = 0; i < sequences.size(); ++i) {
      Sequence& sequence = *sequences[i];
      proposed.push_back(sequence.drafts);
      for (size_t d = 0; teaches && d < std::min<size_t>(sequence.drafts.size(), i + 1); ++d)
        sequence.drafts[d] = truth.at(i).at(sequence.output().size() + d);
    }
  }

  std::vector<std::vector<Token>> truth, proposed;  // by sequence, in the order of the step
  bool teaches = false, stops = false;

 private:
  MtpDrafter& head_;
};

// Sequences that run together, three drafts each.
struct Party {
  static constexpr int kDrafts = 3, kTokens = 40;

  Party(Device& device, const std::vector<SamplingParameters>& sampling)
      : options{.max_prompt_rows = 64, .max_sequences = static_cast<int>(sampling.size()), .max_drafts = kDrafts},
        head(device, *tied().model, options),
        drafter(head),
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
      lists += static_cast<size_t>(sequence->head_drafts) + 1 + sequence->drafts.size();
    }
    EXPECT_EQ(device.reads, deepest + 1);
    EXPECT_EQ(device.bytes, list_bytes * lists);
  }
  for (size_t i = 0; i < sampling.size(); ++i) {
    EXPECT_EQ(start(*party.all[i]), alone(i, sampling[i])) << "sequence " << i;
    EXPECT_GT(party.all[i]->stats.drafted[2], 0);
  }
}

// Greedy chains that nothing ends early: one wait for all drafts of a round, and the drafts of a device whose memory is the host's.
TEST(LogitRows, GreedyChainsWaitOnce) {
  std::vector<SamplingParameters> sampling(3);
  for (SamplingParameters& parameters : sampling) parameters.temperature = 0;
  OwnMemory device(*tied().device);
  Party ahead(device, sampling), in_place(*tied().device, sampling);
  for (Party* party : {&ahead, &in_place})
    for (size_t i = 0; i < sampling.size(); ++i) {
      party->drafter.truth.push_back(alone(i, sampling[i], 3 * Party::kTokens));
      party->all[i]->least_reach = {};
    }
  bool has_stopped = false;
  for (int round = 0; in_place.shortest() < Party::kTokens; ++round) {
    device.forget();
    for (Party* party : {&in_place, &ahead}) {
      party->drafter.teaches = round % 3 == 2;
      party->drafter.stops = round % 4 == 1;
      party->all[1]->stop_tokens.clear();
      if (round == 6) party->all[0]->least_reach.fill(1e-9);  // confidences are asked for
      party->step();
    }
    EXPECT_EQ(device.reads, round == 0 ? 1 : ahead.drafter.stops ? 3 : 2) << "round " << round;
    has_stopped |= round > 0 && ahead.drafter.proposed[1].size() == 2;
    EXPECT_EQ(ahead.drafter.proposed, in_place.drafter.proposed) << "round " << round;
    for (size_t i = 0; i < sampling.size(); ++i) {
      EXPECT_EQ(ahead.all[i]->confidences.size(), in_place.all[i]->confidences.size());
      EXPECT_EQ(ahead.all[i]->tokens, in_place.all[i]->tokens);
    }
  }
  EXPECT_EQ(device.rows, 0);
  EXPECT_GT(ahead.all[2]->stats.accepted[1], 0);
  EXPECT_TRUE(has_stopped);
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

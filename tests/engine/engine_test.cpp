// The engine keeps its word to each request: same tokens and bits as alone, whatever company, drafts, cancellations and cached prefixes.
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <set>
#include <thread>

#include "base/random.h"
#include "device/allocation_count.h"
#include "device/forwarding_device.h"
#include "engine/engine_fixture.h"

namespace paceline {
namespace {

using test::LoadedModel;
using test::Question;
using test::receive;
using test::Received;
using test::to_request;

constexpr int kContext = 512;

EngineOptions small_options(int slots) {
  EngineOptions options;
  options.slots = slots;
  options.context = kContext;
  options.max_prompt_rows = 48;
  options.prefix_cache_bytes = 64 << 20;
  options.memory_bytes = int64_t{1} << 30;
  return options;
}

LoadedModel& tied() {
  static LoadedModel loaded("hybrid-tied.Q8_0.gguf");
  return loaded;
}

// Logit bits by request and position, from the engine's thread.
class BitLog {
 public:
  void attach(EngineOptions& options) {
    options.on_logits = [this](uint64_t request, int position, std::span<const float> logits) {
      const std::lock_guard lock(mutex_);
      bits_[request][position] = test::hash_bits(logits);
    };
  }
  std::map<int, uint64_t> of(uint64_t request) {
    const std::lock_guard lock(mutex_);
    return bits_[request];
  }

 private:
  std::mutex mutex_;
  std::map<uint64_t, std::map<int, uint64_t>> bits_;
};

// Questions of mixed lengths, temperatures and seeds, every third one the start of another.
std::vector<Question> mixed_questions(const Model& model, int count) {
  constexpr int kLengths[] = {1, 17, 40, 64, 65, 120, 150, 200};
  constexpr float kTemperatures[] = {0.0f, 0.7f, 1.0f};
  std::vector<Question> questions;
  for (int i = 0; i < count; ++i) {
    Question question;
    question.prompt = test::random_prompt(model, static_cast<uint64_t>(i / 3), kLengths[i % 8]);
    question.sampling = test::sampling(kTemperatures[i % 3], static_cast<uint64_t>(i));
    question.max_tokens = 12 + 7 * (i % 5);
    if (i % 2 == 0 && question.prompt.size() > 50) question.stable_positions = {40, 50};
    questions.push_back(std::move(question));
  }
  return questions;
}

struct Load {
  const char* model;
  const char* device;
  int slots;
  bool cache;
  int questions = 16;
  int split = 0;  // blocks on the reference device
};

class UnderLoad : public testing::TestWithParam<Load> {};

TEST_P(UnderLoad, EachRequestGetsWhatItGetsAlone) {
  LoadedModel loaded(GetParam().model, GetParam().device, GetParam().split);
  const std::vector<Question> questions = mixed_questions(*loaded.model, GetParam().questions);
  std::vector<test::Answer> alone;
  for (const Question& question : questions) alone.push_back(test::answer_alone(loaded, question));

  EngineOptions options = small_options(GetParam().slots);
  if (!GetParam().cache) options.prefix_cache_bytes = 0;
  BitLog log;
  log.attach(options);
  Engine engine(*loaded.device, *loaded.model, options);
  int cached = 0;
  for (int repeat = 0; repeat < 2; ++repeat) {
    std::vector<std::optional<RequestHandle>> asked, cancelled;
    for (size_t i = 0; i < questions.size(); ++i) {
      const uint64_t dice = random_word(5, i, static_cast<uint64_t>(repeat));
      asked.push_back(engine.submit(
          to_request(questions[i], i % 5 == 4 && loaded.model->facts().has_draft_head ? 3 : kAutoDrafts)));
      ASSERT_TRUE(asked.back());
      // Company that leaves early: at once, after its first event, or after a few.
      if (dice % 2 == 0) cancelled.push_back(engine.submit(to_request(questions[dice / 2 % questions.size()])));
      if (dice % 3 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(dice / 8 % 12));
      for (auto& request : cancelled)
        if (request && random_word(dice, request->number()) % 3 == 0) request.reset();
    }
    for (auto& request : cancelled)
      if (request) request->next(), request->cancel();
    for (size_t i = 0; i < questions.size(); ++i) {
      const Received received = receive(*asked[i]);
      EXPECT_EQ(received.finished.reason, FinishReason::Length) << received.finished.message;
      EXPECT_EQ(received.tokens, alone[i].tokens) << "question " << i << ", repeat " << repeat;
      auto bits = log.of(asked[i]->number());
      std::erase_if(bits, [&](const auto& entry) { return !alone[i].bits.contains(entry.first); });
      EXPECT_EQ(bits, alone[i].bits) << "question " << i << ", repeat " << repeat;
      cached += asked[i]->stats().cached_tokens;
    }
  }
  EXPECT_EQ(cached > 0, GetParam().cache);
  const EngineStats stats = engine.stats();
  EXPECT_EQ(stats.speculation.drafted[0] > 0, loaded.model->facts().has_draft_head);
}

INSTANTIATE_TEST_SUITE_P(
    Engine, UnderLoad,
    testing::Values(Load{"hybrid-tied.Q8_0.gguf", "cpu", 8, true}, Load{"hybrid-tied.Q8_0.gguf", "cpu", 8, false},
                    Load{"hybrid-tied.Q8_0.gguf", "reference", 2, true, 5},
                    Load{"hybrid-plain.Q8_0.gguf", "cpu", 8, true}, Load{"hybrid-untied.Q4_K_M.gguf", "cpu", 3, true},
                    Load{"moe.Q8_0.gguf", "cpu", 8, true}, Load{"dense-qwen3.Q8_0.gguf", "cpu", 8, true},
                    Load{"hybrid-tied.Q8_0.gguf", "cpu", 3, true, 6, 2},
                    Load{"dense-qwen3.Q8_0.gguf", "cpu", 3, true, 6, 3}),
    [](const auto& load) { return "Load" + std::to_string(load.index); });

Question simple_question(uint64_t seed, int length, int max_tokens) {
  return {test::random_prompt(*tied().model, seed, length), test::sampling(0.8f, seed), max_tokens, {}};
}

TEST(Engine, FollowUpTurnStartsFromTheEndOfTheAnswer) {
  Engine engine(*tied().device, *tied().model, small_options(2));
  Question first = simple_question(1, 150, 40);
  auto asked = engine.submit(to_request(first));
  const Received answer = receive(*asked);
  Question second = first;
  second.prompt.insert(second.prompt.end(), answer.tokens.begin(), answer.tokens.end());
  const size_t turn = second.prompt.size();
  for (const Token token : test::random_prompt(*tied().model, 9, 20)) second.prompt.push_back(token);
  const test::Answer alone = test::answer_alone(tied(), second);  // the engine is idle: nobody else uses the device
  auto follow_up = engine.submit(to_request(second));
  EXPECT_EQ(receive(*follow_up).tokens, alone.tokens);
  // All but the answer's last token, which never went through the trunk.
  EXPECT_EQ(follow_up->stats().cached_tokens, static_cast<int>(turn) - 1);
}

TEST(Engine, StablePositionsServeAnotherSlotWhileTheFirstIsBusy) {
  Question question = simple_question(3, 140, 200);
  question.stable_positions = {100, 120};
  Question other = question;
  other.max_tokens = 20;
  other.prompt.resize(121);
  other.prompt.back() = (other.prompt.back() + 1) % tied().model->facts().vocab_size;
  const test::Answer alone = test::answer_alone(tied(), other);
  Engine engine(*tied().device, *tied().model, small_options(2));
  auto first = engine.submit(to_request(question));
  while (first->next().kind != Event::Kind::NewToken) {
  }
  auto second = engine.submit(to_request(other));
  const Received received = receive(*second);
  EXPECT_EQ(received.events.front().prompt_cached, 100);  // 120 is not 32 tokens further
  EXPECT_EQ(received.tokens, alone.tokens);
  first->cancel();
  EXPECT_EQ(receive(*first).finished.reason, FinishReason::Cancelled);
}

// 2,048: where long prompts have a snapshot of their own.
TEST(Engine, StablePositionsMayBeWhereSnapshotsAreTakenAnyway) {
  EngineOptions options = small_options(1);
  options.context = 2200;
  options.max_prompt_rows = 512;
  Engine engine(*tied().device, *tied().model, options);
  Question question = simple_question(40, 2049, 3);  // nothing said: just before the last token
  auto first = engine.submit(to_request(question));
  EXPECT_EQ(receive(*first).tokens.size(), 3u);
  auto again = engine.submit(to_request(question));
  const Received received = receive(*again);
  EXPECT_EQ(received.events.front().prompt_cached, 2048);
  question = simple_question(41, 2100, 3);
  question.stable_positions = {512, 1024, 2048, 2048};
  auto third = engine.submit(to_request(question));
  EXPECT_EQ(receive(*third).tokens.size(), 3u);
}

TEST(Engine, SnapshotsGoWhenTheCacheIsFullAndTokensStayTheSame) {
  EngineOptions options = small_options(2);
  std::vector<Question> questions;
  std::vector<test::Answer> alone;
  for (int i = 0; i < 6; ++i) {
    questions.push_back(simple_question(static_cast<uint64_t>(20 + i), 150, 12));
    alone.push_back(test::answer_alone(tied(), questions.back()));
  }
  {
    Engine engine(*tied().device, *tied().model, options);  // one prompt's snapshots: the measure of the limit
    auto asked = engine.submit(to_request(questions[0]));
    receive(*asked);
    const EngineStats stats = engine.stats();
    ASSERT_GT(stats.cache_bytes, 0u);
    EXPECT_EQ(stats.cache_evictions, 0u);
    options.prefix_cache_bytes = static_cast<int64_t>(stats.cache_bytes * 5 / 2);
  }
  Engine engine(*tied().device, *tied().model, options);
  uint64_t prompt_tokens = 0, cached_tokens = 0;
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 0; i < questions.size(); ++i) {
      for (const size_t which : {i, i}) {  // the second finds what the first left
        auto asked = engine.submit(to_request(questions[which]));
        EXPECT_EQ(receive(*asked).tokens, alone[which].tokens);
        prompt_tokens += questions[which].prompt.size();
        cached_tokens += static_cast<uint64_t>(asked->stats().cached_tokens);
        EXPECT_LE(engine.stats().cache_bytes, engine.stats().cache_limit_bytes);
      }
    }
  }
  const EngineStats stats = engine.stats();
  EXPECT_GE(stats.cache_evictions, 10u);
  EXPECT_GE(stats.cache_hits, 18u);
  EXPECT_EQ(stats.prompt_tokens, prompt_tokens);
  EXPECT_EQ(stats.cached_tokens, cached_tokens);
}

TEST(Engine, StepsAllocateNothing) {
  Engine engine(*tied().device, *tied().model, small_options(3));
  std::vector<RequestHandle> asked;
  for (uint64_t i = 0; i < 3; ++i) {
    Request request = to_request(simple_question(30 + i, 20, 400), i == 0 ? 0 : (i == 1 ? 4 : kAutoDrafts));
    asked.push_back(std::move(*engine.submit(std::move(request))));
  }
  // What nobody takes piles up, which needs memory: let it, far enough for every later delay of this thread.
  while (engine.stats().steps < 100) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::array<int, 3> taken{};
  const auto take_until = [&](int tokens) {
    while (*std::max_element(taken.begin(), taken.end()) < tokens) {
      for (size_t i = 0; i < asked.size(); ++i)
        while (const auto event = asked[i].try_next()) taken[i] += event->kind == Event::Kind::NewToken;
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  };
  take_until(200);  // sizes settle
  const int64_t before = allocation_count();
  take_until(350);
  EXPECT_EQ(allocation_count() - before, 0);
}

TEST(Engine, RequestsThatDoNotReuseLeaveNothing) {
  Engine engine(*tied().device, *tied().model, small_options(1));
  for (int i = 0; i < 2; ++i) {
    Request request = to_request(simple_question(4, 100, 5));
    request.reuse_prefix = false;
    auto asked = engine.submit(std::move(request));
    receive(*asked);
    EXPECT_EQ(asked->stats().cached_tokens, 0);
  }
  EXPECT_EQ(engine.stats().cache_entries, 0);
}

TEST(Engine, FullQueueRefusesAndEverySlotReturns) {
  EngineOptions options = small_options(1);
  options.queue_limit = 2;
  Engine engine(*tied().device, *tied().model, options);
  std::vector<RequestHandle> accepted;
  int refused = 0;
  for (int i = 0; i < 12; ++i) {
    if (auto request = engine.submit(to_request(simple_question(static_cast<uint64_t>(i), 100, 300))))
      accepted.push_back(std::move(*request));
    else ++refused;
  }
  EXPECT_GE(refused, 12 - 4);  // one runs, two wait, one may have been taken from the queue meanwhile
  EXPECT_EQ(engine.stats().refused, static_cast<uint64_t>(refused));
  for (RequestHandle& request : accepted) request.cancel();
  for (RequestHandle& request : accepted) EXPECT_EQ(receive(request).finished.reason, FinishReason::Cancelled);
  auto request = engine.submit(to_request(simple_question(1, 10, 5)));
  ASSERT_TRUE(request);
  EXPECT_EQ(receive(*request).tokens.size(), 5u);
  EXPECT_EQ(engine.stats().running, 0);
  EXPECT_EQ(engine.stats().waiting, 0);
}

TEST(Engine, RefusesWhatCanNeverRun) {
  Engine engine(*tied().device, *tied().model, small_options(1));
  const auto refused = [&](auto change) {
    Request request = to_request(simple_question(1, 10, 5));
    change(request);
    EXPECT_THROW(engine.submit(std::move(request)), Error);
  };
  refused([](Request& request) { request.prompt.clear(); });
  refused([](Request& request) { request.prompt.assign(kContext, 1); });
  refused([](Request& request) { request.prompt[3] = 1 << 30; });
  refused([](Request& request) { request.prompt[3] = -1; });
  refused([](Request& request) { request.drafts = kMaxDrafts + 1; });
  refused([](Request& request) { request.top_logprobs = 1000; });
}

TEST(Engine, StopTokensEndTheAnswerUnseen) {
  const Question question = simple_question(6, 30, 40);
  const std::vector<Token> whole = test::answer_alone(tied(), question).tokens;
  Engine engine(*tied().device, *tied().model, small_options(1));
  for (const size_t at : {size_t{0}, size_t{1}, size_t{7}, size_t{8}, size_t{20}}) {
    Request request = to_request(question, at % 2 == 0 ? 6 : kAutoDrafts);
    request.stop_tokens = {whole[at]};
    const auto first = std::find(whole.begin(), whole.end(), whole[at]);
    auto asked = engine.submit(std::move(request));
    const Received received = receive(*asked);
    EXPECT_EQ(received.finished.reason, FinishReason::Stop);
    EXPECT_EQ(received.tokens, std::vector<Token>(whole.begin(), first));
  }
}

TEST(Engine, LimitsAndContext) {
  Engine engine(*tied().device, *tied().model, small_options(1));
  Question question = simple_question(7, 20, 0);
  auto none = engine.submit(to_request(question));
  const Received nothing = receive(*none);
  EXPECT_TRUE(nothing.tokens.empty());
  EXPECT_EQ(nothing.finished.reason, FinishReason::Length);
  question.max_tokens = -1;
  auto all = engine.submit(to_request(question));
  const Received everything = receive(*all);
  EXPECT_EQ(everything.finished.reason, FinishReason::Context);
  EXPECT_EQ(everything.tokens.size(), static_cast<size_t>(kContext - 20 + 1));
  EXPECT_EQ(receive(*all).finished.reason, FinishReason::Context);  // again, instead of waiting for ever
}

TEST(Engine, PassesAreTold) {
  Engine engine(*tied().device, *tied().model, small_options(1));
  auto asked = engine.submit(to_request(simple_question(8, 30, 60), 4));
  const Received received = receive(*asked);
  std::map<uint64_t, std::vector<const Event*>> passes;
  for (const Event& event : received.events)
    if (event.kind == Event::Kind::NewToken) passes[event.pass].push_back(&event);
  EXPECT_EQ(passes.at(0).size(), 1u);
  EXPECT_EQ(passes.rbegin()->first + 1, passes.size());
  int64_t accepted = 0;
  for (const auto& [pass, events] : passes) {
    const Event& first = *events.front();
    EXPECT_EQ(events.size(), static_cast<size_t>(first.accepted_count) + 1);
    for (size_t i = 0; i < events.size(); ++i) {
      EXPECT_EQ(events[i]->from_draft, i < static_cast<size_t>(first.accepted_count));
      if (events[i]->from_draft) {
        EXPECT_EQ(events[i]->token, first.drafts()[i]);
      }
    }
    accepted += first.accepted_count;
  }
  int64_t counted = 0;
  for (const int64_t count : asked->stats().speculation.accepted) counted += count;
  EXPECT_EQ(accepted, counted);
}

TEST(Engine, Logprobs) {
  Engine engine(*tied().device, *tied().model, small_options(1));
  Question question = simple_question(10, 30, 20);
  question.sampling.temperature = 0;
  question.sampling.repeat_penalty = 1;
  question.sampling.presence_penalty = 0;
  Request request = to_request(question);
  request.top_logprobs = 20;
  auto asked = engine.submit(std::move(request));
  for (const Event& event : receive(*asked).events) {
    if (event.kind != Event::Kind::NewToken) continue;
    ASSERT_EQ(event.alternatives.size(), 20u);
    EXPECT_EQ(event.alternatives.front().token, event.token);
    EXPECT_EQ(event.alternatives.front().logprob, event.logprob);
    double sum = 0;
    for (size_t i = 0; i < 20; ++i) {
      sum += std::exp(event.alternatives[i].logprob);
      if (i > 0) {
        EXPECT_LE(event.alternatives[i].logprob, event.alternatives[i - 1].logprob);
      }
    }
    EXPECT_LE(sum, 1 + 1e-5);
  }
}

// Tokens must leave the remainder (their index) % 3 when divided by 3; ends after `length` of them. Counts what is asked of it.
class Remainders final : public TokenConstraint {
 public:
  Remainders(int vocab_size, int length) : vocab_size_(vocab_size), length_(length) {}
  std::span<const uint32_t> allowed() override {
    mask_.assign(static_cast<size_t>(vocab_size_ + 31) / 32, 0);
    if (count_ >= length_) return {};
    for (int token = count_ % 3; token < vocab_size_; token += 3)
      mask_[static_cast<size_t>(token) / 32] |= 1u << (token % 32);
    return mask_;
  }
  void accept(Token token) override {
    if (token % 3 != count_ % 3 || count_ >= length_) fail("token ", token, " was not allowed");
    ++count_;
  }
  void rollback(int count) override {
    if (count > count_) fail("rolled back too far");
    count_ -= count;
  }

 private:
  int vocab_size_, length_, count_ = 0;
  std::vector<uint32_t> mask_;
};

TEST(Engine, ConstrainedAnswersAreTheSameWithAndWithoutDrafts) {
  Engine engine(*tied().device, *tied().model, small_options(4));
  for (const float temperature : {0.0f, 0.9f}) {
    std::vector<std::vector<Token>> answers;
    for (const int drafts : {0, 1, 4, 6, kAutoDrafts}) {
      Question question = simple_question(11, 30, 200);
      question.sampling.temperature = temperature;
      Request request = to_request(question, drafts);
      request.constraint = std::make_unique<Remainders>(tied().model->facts().vocab_size, 50);
      auto asked = engine.submit(std::move(request));
      const Received received = receive(*asked);
      EXPECT_EQ(received.finished.reason, FinishReason::Stop) << received.finished.message;
      answers.push_back(received.tokens);
    }
    ASSERT_EQ(answers.front().size(), 50u);
    for (size_t i = 0; i < 50; ++i) EXPECT_EQ(answers.front()[i] % 3, static_cast<Token>(i % 3));
    for (const auto& answer : answers) EXPECT_EQ(answer, answers.front());
  }
}

class Failing final : public TokenConstraint {
 public:
  std::span<const uint32_t> allowed() override { fail("no grammar today"); }
  void accept(Token) override {}
  void rollback(int) override {}
};

TEST(Engine, FailingConstraintEndsItsRequestOnly) {
  const Question question = simple_question(12, 60, 60);
  const test::Answer alone = test::answer_alone(tied(), question);
  Engine engine(*tied().device, *tied().model, small_options(2));
  auto good = engine.submit(to_request(question));
  Request request = to_request(question);
  request.constraint = std::make_unique<Failing>();
  auto bad = engine.submit(std::move(request));
  const Received failed = receive(*bad);
  EXPECT_EQ(failed.finished.reason, FinishReason::Error);
  EXPECT_EQ(failed.finished.message, "no grammar today");
  EXPECT_EQ(receive(*good).tokens, alone.tokens);
}

TEST(Engine, CallersAreTold) {
  Engine engine(*tied().device, *tied().model, small_options(1));
  std::atomic<int> calls{0};
  Request request = to_request(simple_question(13, 30, 10));
  request.on_ready = [&] { ++calls; };
  auto asked = engine.submit(std::move(request));
  size_t events = 0;
  while (true) {
    const auto event = asked->try_next();
    if (!event) {
      std::this_thread::yield();
      continue;
    }
    ++events;
    if (event->kind == Event::Kind::Finished) break;
  }
  EXPECT_GE(events, 12u);
  EXPECT_GE(calls, 2);
}

TEST(Engine, HandlesOutliveIt) {
  std::optional<RequestHandle> running, waiting;
  {
    Engine engine(*tied().device, *tied().model, small_options(1));
    running = engine.submit(to_request(simple_question(14, 60, 400)));
    waiting = engine.submit(to_request(simple_question(15, 60, 400)));
  }
  EXPECT_EQ(receive(*running).finished.reason, FinishReason::Cancelled);
  EXPECT_EQ(receive(*waiting).finished.reason, FinishReason::Cancelled);
}

TEST(Engine, SaysWhenMemoryIsTooSmall) {
  EngineOptions options = small_options(2);
  options.memory_bytes = 1000;
  options.prefix_cache_bytes = 0;
  EXPECT_THROW(Engine(*tied().device, *tied().model, options), Error);
}

TEST(Engine, SizesItselfToMemory) {
  EngineOptions options = small_options(0);
  options.prefix_cache_bytes = 0;
  Engine usual(*tied().device, *tied().model, options);
  const EngineStats stats = usual.stats();
  EXPECT_EQ(stats.slots, EngineOptions::kUsualSlots);
  options.memory_bytes = static_cast<int64_t>(3 * stats.slot_bytes);
  Engine small(*tied().device, *tied().model, options);
  EXPECT_EQ(small.stats().slots, 3);
}

// A device with memory of its own, and less of it than the machine has.
class SmallMemory final : public ForwardingDevice {
 public:
  SmallMemory(Device& inner, uint64_t bytes_) : ForwardingDevice(inner), bytes(bytes_) {}
  bool memory_is_host() const override { return false; }
  uint64_t available_bytes() const override { return bytes; }

  uint64_t bytes;
};

TEST(Engine, SlotsFitIntoTheDevicesMemory) {
  EngineOptions options = small_options(0);
  options.memory_bytes = -1;
  const uint64_t slot_bytes = Engine(*tied().device, *tied().model, options).stats().slot_bytes;
  // Before the engine, whose device it is while it lives.
  const Question question = simple_question(5, 30, 10);
  const test::Answer alone = test::answer_alone(tied(), question);
  SmallMemory device(*tied().device, slot_bytes * 3);  // of which three quarters are taken
  Engine engine(device, *tied().model, options);
  EXPECT_EQ(engine.stats().slots, 2);
  EXPECT_GT(engine.stats().cache_limit_bytes, 0u);
  auto asked = engine.submit(to_request(question));
  EXPECT_EQ(receive(*asked).tokens, alone.tokens);
}

TEST(Engine, SlotsOfASplitModelFitIntoBothMemories) {
  const std::unique_ptr<Device> cpu = open_device({.kind = "cpu", .threads = 2, .isa = ""});
  SmallMemory gpu(*tied().device, 0);
  SplitDevice split(gpu, *cpu, 3);  // two recurrent blocks and one of attention of five
  const std::unique_ptr<Model> model =
      load_model(*tied().file, split, {.max_batch_rows = Engine::model_rows({}), .on_progress = {}});
  EngineOptions options = small_options(0);
  options.prefix_cache_bytes = 0;
  const StateBytes slot = state_bytes(model->state_shape(kContext, 1 + kMaxLookupDrafts, options.kv), split);
  EXPECT_GT(slot.host, 0u);
  EXPECT_GT(slot.device, 0u);
  options.memory_bytes = -1;
  for (const int fitting : {1, 3}) {
    gpu.bytes = slot.device * static_cast<uint64_t>(fitting) / 3 * 4 + 1024;
    const EngineStats stats = Engine(split, *model, options).stats();
    EXPECT_EQ(stats.slots, fitting);
    EXPECT_EQ(stats.slot_bytes, slot.all());
  }
  gpu.bytes = slot.device;
  EXPECT_THROW(Engine(split, *model, options), Error);
  // The machine's memory is the smaller one.
  gpu.bytes = uint64_t{1} << 40;
  options.memory_bytes = static_cast<int64_t>(2 * std::max(slot.host, slot.device));
  EXPECT_EQ(Engine(split, *model, options).stats().slots, 2);
}

}  // namespace
}  // namespace paceline

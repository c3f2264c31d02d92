// Random submits, cancellations and abandoned handles from several threads, for a while: `engine_stress [--seconds N] [--seed N] MODEL.gguf`.
// What must hold at any time: no more runs than there are slots, no more waits than the queue takes, a full queue refuses at once, every
// request ends exactly once, and the same question never has two answers. Meant for sanitizers; CI gives it a few seconds.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <mutex>
#include <thread>

#include "base/random.h"
#include "device/device.h"
#include "engine/engine.h"

namespace paceline {

namespace {

constexpr int kSlots = 3, kQueue = 4, kCallers = 4, kQuestions = 12;

struct Options {
  int seconds = 3;
  uint64_t seed = 1;
  std::string model;
};

class Stress {
 public:
  Stress(Engine& engine, int vocab_size, const Options& options, std::atomic<int64_t>& told)
      : engine_(engine), vocab_size_(vocab_size), options_(options), told_(told) {}

  void run() {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(options_.seconds);
    std::vector<std::jthread> callers;
    for (int i = 0; i < kCallers; ++i) callers.emplace_back([this, i, end] { call(i, end); });
    while (std::chrono::steady_clock::now() < end) {
      const EngineStats stats = engine_.stats();
      if (stats.running > kSlots || stats.waiting > kSlots + kQueue) complain("more requests than there is room for");
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  bool finish() {
    // Abandoned requests end before the next step.
    EngineStats stats = engine_.stats();
    for (int tries = 0; tries < 60'000 && (stats.running > 0 || stats.waiting > 0); ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      stats = engine_.stats();
    }
    if (stats.running != 0 || stats.waiting != 0) complain("a slot did not return");
    if (stats.completed + stats.cancelled + stats.failed != stats.submitted) complain("a request was lost");
    if (stats.failed != 0) complain("a request failed");
    std::printf("engine_stress: %llu submitted, %llu completed, %llu cancelled, %llu refused, %llu cache hits\n",
                static_cast<unsigned long long>(stats.submitted), static_cast<unsigned long long>(stats.completed),
                static_cast<unsigned long long>(stats.cancelled), static_cast<unsigned long long>(stats.refused),
                static_cast<unsigned long long>(stats.cache_hits));
    return complaints_ == 0 && stats.completed > 0;
  }

 private:
  void complain(const char* what) {
    if (++complaints_ < 10) std::printf("FAILED %s\n", what);
  }

  Request question(uint64_t index, uint64_t dice) const {
    Request request;
    const int length = 1 + static_cast<int>(random_word(index, 1) % 150);
    for (int i = 0; i < length; ++i)  // pairs of questions begin alike
      request.prompt.push_back(static_cast<Token>(random_word(index / 2, static_cast<uint64_t>(i) + 2) %
                                                  static_cast<uint64_t>(vocab_size_)));
    request.sampling.seed = index;
    request.sampling.temperature = index % 3 == 0 ? 0.0f : 0.9f;
    request.max_tokens = static_cast<int>(random_word(index, 0) % 60);
    request.drafts = static_cast<int>(dice % 8) - 1;
    request.top_logprobs = dice % 16 == 0 ? 3 : -1;
    request.reuse_prefix = dice / 16 % 8 != 0;
    if (length > 60) request.stable_positions = {length / 2, 40, static_cast<int>(dice % 200)};
    request.on_ready = [&told = told_] { ++told; };
    return request;
  }

  void call(int caller, std::chrono::steady_clock::time_point end) {
    std::vector<RequestHandle> abandoned;
    for (uint64_t round = 0; std::chrono::steady_clock::now() < end; ++round) {
      const uint64_t dice = random_word(options_.seed, static_cast<uint64_t>(caller), round);
      const uint64_t index = dice % kQuestions;
      std::optional<RequestHandle> request = engine_.submit(question(index, dice / 64));
      if (!request) {
        std::this_thread::sleep_for(std::chrono::milliseconds(dice % 3));
        continue;
      }
      switch (dice / 1024 % 6) {
        case 0: break;  // the handle goes at once
        case 1: abandoned.push_back(std::move(*request)); break;
        case 2:
          request->next();
          request->cancel();
          check_end(*request);
          break;
        default: compare(index, *request);
      }
      if (abandoned.size() > 3) abandoned.clear();
    }
  }

  void check_end(RequestHandle& request) {
    while (request.next().kind != Event::Kind::Finished) {
    }
    const std::optional<Event> again = request.try_next();
    if (!again || again->kind != Event::Kind::Finished) complain("a finished request went on");
  }

  void compare(uint64_t index, RequestHandle& request) {
    std::vector<Token> answer;
    Event event = request.next();
    for (; event.kind != Event::Kind::Finished; event = request.next())
      if (event.kind == Event::Kind::NewToken) answer.push_back(event.token);
    if (event.reason == FinishReason::Error) complain(event.message.c_str());
    const std::lock_guard lock(mutex_);
    const auto [known, is_new] = answers_.try_emplace(index, answer);
    if (!is_new && known->second != answer) complain("a question had two answers");
  }

  Engine& engine_;
  const int vocab_size_;
  const Options& options_;
  std::atomic<int> complaints_{0};
  std::atomic<int64_t>& told_;
  std::mutex mutex_;
  std::map<uint64_t, std::vector<Token>> answers_;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--seconds" && i + 1 < argc) options.seconds = std::stoi(argv[++i]);
    else if (flag == "--seed" && i + 1 < argc) options.seed = std::stoull(argv[++i]);
    else options.model = flag;
  }
  return options;
}

bool run(const Options& options) {
  const GgufFile file = GgufFile::open(options.model);
  const std::unique_ptr<Device> device = open_device({.kind = "cpu", .threads = 2, .isa = ""});
  EngineOptions engine_options;
  engine_options.slots = kSlots;
  engine_options.context = 256;
  engine_options.max_prompt_rows = 32;
  engine_options.queue_limit = kQueue;
  engine_options.prefix_cache_bytes = 2 << 20;  // small, so that it evicts
  const std::unique_ptr<Model> model =
      load_model(file, *device, {.max_batch_rows = Engine::model_rows(engine_options), .on_progress = {}});
  std::atomic<int64_t> told{
      0};  // the engine tells of a request's end after it has counted it, and may still be telling when nobody asks any more
  Engine engine(*device, *model, engine_options);
  Stress stress(engine, model->facts().vocab_size, options, told);
  stress.run();
  return stress.finish();
}

}  // namespace

}  // namespace paceline

int main(int argc, char** argv) {
  try {
    return paceline::run(paceline::parse(argc, argv)) ? 0 : 1;
  } catch (const std::exception& error) {
    std::printf("FAILED: %s\n", error.what());
    return 1;
  }
}

// Whole models: replaying steps is invisible. Several requests at once, with the drafts of the model's head, give the same tokens and logit bits
// with graphs and without. Rounds that nobody listens to wait once, and have the text of the others.
#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "device/cuda/cuda_device.h"
#include "device/forwarding_device.h"
#include "engine/engine.h"
#include "support/hash_bits.h"

namespace paceline::cuda {
namespace {

// Hands steps on whole and counts what the host waits for: reads of lists, tokens and confidences, and of whole rows of logits.
class Waits final : public ForwardingDevice {
 public:
  using ForwardingDevice::ForwardingDevice;
  void run(uint64_t key, std::span<const Segment> segments, const std::function<void()>& step) override {
    inner_.run(key, segments, step);
  }
  void read(void* values, Tensor from) override {
    inner_.read(values, from);
    ++(from.dtype == DType::F32 ? rows : lists);
  }
  uint64_t rows = 0, lists = 0;
};

struct Answers {
  std::map<std::pair<uint64_t, int>, uint64_t> bits;  // (request, position) -> hash of the logits
  std::vector<std::vector<Token>> tokens;
  GraphCounts counts;
  int64_t accepted = 0, drafted = 0;
  uint64_t steps = 0, waits_for_lists = 0, waits_for_rows = 0;
};

struct Setting {
  bool graphs = true, heard = true;
};

Answers answer(const std::string& name, Setting setting, int requests, int max_tokens) {
  const GgufFile file = GgufFile::open(std::string(PACELINE_TEST_DATA "/golden/") + name);
  CudaDevice gpu(1, setting.graphs);
  Waits device(gpu);
  EngineOptions options;
  options.slots = 2;
  options.context = 300;
  options.max_prompt_rows = 64;
  options.max_drafts = 2;
  options.adapt_depth = false;
  options.lookup_drafts = 0;
  options.prefix_cache_bytes = 0;  // what it saves is read, too
  Answers answers;
  if (setting.heard)
    options.on_logits = [&](uint64_t request, int position, std::span<const float> logits) {
      answers.bits[{request, position}] = test::hash_bits(logits);
    };
  const std::unique_ptr<Model> model =
      load_model(file, device, {.max_batch_rows = Engine::model_rows(options), .on_progress = {}});
  {
    Engine engine(device, *model, options);
    std::vector<RequestHandle> asked;
    for (int i = 0; i < requests; ++i) {
      Request request;
      for (int p = 0; p < 20 + 41 * i; ++p)
        request.prompt.push_back(static_cast<Token>(random_word(static_cast<uint64_t>(i), static_cast<uint64_t>(p)) %
                                                    static_cast<uint64_t>(model->facts().vocab_size)));
      request.sampling.temperature = i % 2 == 0 ? 0.0f : 0.8f;
      request.sampling.seed = 3;
      request.max_tokens = max_tokens;
      asked.push_back(std::move(*engine.submit(std::move(request))));
    }
    for (RequestHandle& request : asked) {
      std::vector<Token> tokens;
      Event event = request.next();
      for (; event.kind != Event::Kind::Finished; event = request.next())
        if (event.kind == Event::Kind::NewToken) tokens.push_back(event.token);
      EXPECT_EQ(event.reason, FinishReason::Length) << event.message;
      answers.tokens.push_back(std::move(tokens));
    }
    const EngineStats stats = engine.stats();
    answers.accepted = stats.speculation.all_accepted(), answers.drafted = stats.speculation.all_drafted();
    answers.steps = stats.steps;
  }
  answers.waits_for_lists = device.lists, answers.waits_for_rows = device.rows;
  answers.counts = gpu.graph_counts();
  return answers;
}

void expect_invisible(const std::string& name, int requests, int max_tokens) {
  const Answers with = answer(name, {}, requests, max_tokens),
                without = answer(name, {.graphs = false}, requests, max_tokens);
  EXPECT_EQ(with.tokens, without.tokens);
  EXPECT_TRUE(with.bits == without.bits);
  EXPECT_GE(with.bits.size(), static_cast<size_t>(requests) * static_cast<size_t>(max_tokens));
  EXPECT_EQ(without.counts.captured, 0u);
  EXPECT_GT(with.counts.replayed, static_cast<uint64_t>(max_tokens)) << "steps were hardly ever replayed";
  EXPECT_GT(with.counts.replayed, with.counts.eager + with.counts.captured);

  // Greedy and sampled ones beside each other: one wait a step, but for the few choices that no list proves.
  const Answers unheard = answer(name, {.heard = false}, requests, max_tokens);
  EXPECT_EQ(unheard.tokens, with.tokens);
  EXPECT_EQ(unheard.accepted, with.accepted);
  EXPECT_EQ(unheard.drafted, with.drafted);
  EXPECT_LE(unheard.waits_for_lists, unheard.steps);
  EXPECT_LE(unheard.waits_for_rows, unheard.steps / 20);
  EXPECT_GE(unheard.drafted, static_cast<int64_t>(unheard.steps));
}

TEST(GraphEngine, GraphsAreInvisible) { expect_invisible("hybrid-tied.Q8_0.gguf", 3, 90); }

TEST(GraphEngine, GraphsOfModelsWithExpertsAreInvisible) { expect_invisible("moe.Q8_0.gguf", 2, 50); }

}  // namespace
}  // namespace paceline::cuda

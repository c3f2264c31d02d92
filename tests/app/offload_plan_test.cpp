// How many layers go to a GPU, for a GPU that has any amount of memory, and that what was planned is what is taken.
#include "app/offload_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "device/split_device.h"
#include "engine/generator.h"

namespace paceline {
namespace {

using testing::HasSubstr;
using Kind = LayerWish::Kind;

constexpr int kContext = 512;
constexpr uint64_t kPlenty = uint64_t{64} << 30;

// The reference device with memory of its own, which ends.
class SmallGpu final : public ForwardingDevice {
 public:
  SmallGpu(Device& inner, uint64_t bytes) : ForwardingDevice(inner), bytes_(bytes) {}

  bool memory_is_host() const override { return false; }
  uint64_t available_bytes() const override { return bytes_ - used_; }
  uint64_t used_bytes() const { return used_; }

  OwnedTensor allocate(DType dtype, int rows, int cols) override {
    take(static_cast<uint64_t>(rows) * static_cast<uint64_t>(cols) * 4);
    return inner_.allocate(dtype, rows, cols);
  }
  OwnedTensor allocate_kv(DType dtype, int max_length, const KvShape& shape) override {
    const int values = max_length * shape.head_count_kv * shape.head_dim;
    take(static_cast<uint64_t>(values) * (dtype == DType::F16 ? 2 : 4));
    return inner_.allocate_kv(dtype, max_length, shape);
  }
  WeightPtr load(const QuantMatrix& matrix, WeightUse use, int expert_count) override {
    take(matrix.bytes.size());
    return inner_.load(matrix, use, expert_count);
  }

 private:
  void take(uint64_t bytes) {
    used_ += bytes;
    if (used_ > bytes_) fail("out of memory");
  }

  uint64_t bytes_, used_ = 0;
};

class OffloadPlanTest : public testing::TestWithParam<const char*> {
 protected:
  explicit OffloadPlanTest(const char* name = nullptr)
      : file_(GgufFile::open(std::string(PACELINE_TEST_DATA "/golden/") + (name != nullptr ? name : GetParam()))),
        reference_(open_device({.kind = "reference", .threads = 0, .isa = ""})) {
    const bool has_head = file_.metadata().find_integer("qwen35.nextn_predict_layers", 0, 1).value_or(0) > 0 ||
                          file_.metadata().find_integer("qwen35moe.nextn_predict_layers", 0, 1).value_or(0) > 0;
    options_.context = kContext, options_.max_prompt_rows = 64, options_.drafts = has_head ? 3 : 0;
    request_.pass = Generator::runner_options(options_);
    request_.kv = options_.kv;
    request_.usual = request_.least = {1, kContext};
  }

  OffloadPlan plan(uint64_t free_bytes, LayerWish wish) {
    SmallGpu gpu(*reference_, free_bytes);
    request_.wish = wish;
    OffloadPlan plan = plan_offload(file_, gpu, *reference_, request_);
    EXPECT_EQ(gpu.used_bytes(), 0u);  // planning takes nothing
    return plan;
  }

  std::string complaint(uint64_t free_bytes, LayerWish wish) {
    try {
      plan(free_bytes, wish);
    } catch (const Error& error) {
      return error.what();
    }
    return "(fits)";
  }

  // The least free memory with which `layers` are planned.
  uint64_t least_for(int layers) {
    uint64_t low = 0, high = kPlenty;
    while (high - low > 1) {
      const uint64_t middle = (low + high) / 2;
      (plan(middle, {Kind::Fitting}).gpu_layers >= layers ? high : low) = middle;
    }
    return high;
  }

  GgufFile file_;
  std::unique_ptr<Device> reference_;
  GeneratorOptions options_;
  OffloadRequest request_;
};

TEST_P(OffloadPlanTest, MoreMemoryTakesMoreLayersAndWhatIsPlannedFits) {
  const OffloadPlan all = plan(kPlenty, {Kind::Fitting});
  const int layer_count = all.block_count + 1;
  EXPECT_TRUE(all.all_on_gpu());
  EXPECT_EQ(plan(0, {Kind::Fitting}).gpu_layers, 0);
  uint64_t before = kGpuReserve;
  for (int layers = 1; layers <= layer_count; ++layers) {
    const uint64_t least = least_for(layers);
    EXPECT_GT(least, before) << layers;
    before = least;
    EXPECT_EQ(plan(least - 1, {Kind::Fitting}).gpu_layers, layers - 1);
    const OffloadPlan planned = plan(least, {Kind::Count, layers});
    ASSERT_EQ(planned.gpu_layers, layers);

    // A model divided like that takes no more, its reserve untouched.
    SmallGpu gpu(*reference_, least - kGpuReserve);
    SplitDevice split(gpu, *reference_, planned.first_blocks());
    const auto model = load_model(file_, split, {.max_batch_rows = Generator::model_rows(options_), .on_progress = {}});
    EXPECT_GT(gpu.used_bytes(), 0u);
    Generator generator(split, *model, options_);
    const std::vector<Token> prompt{1, 2, 3};
    const Generation answer =
        generator.generate(prompt, {}, {.max_tokens = 4, .end_tokens = {}}, [](Token) { return true; });
    EXPECT_EQ(answer.output.size(), 4u);
    // Nor does the plan ask for much more than it takes.
    EXPECT_GT(gpu.used_bytes(), (least - kGpuReserve) / 10 * 9) << layers;
  }
}

TEST_P(OffloadPlanTest, WhatIsAskedForIsDoneOrRefused) {
  const int blocks = plan(kPlenty, {Kind::All}).block_count;
  EXPECT_TRUE(plan(kPlenty, {Kind::All}).all_on_gpu());
  EXPECT_TRUE(plan(kPlenty, {Kind::Count, 99}).all_on_gpu());
  const OffloadPlan part = plan(kPlenty, {Kind::Count, 2});
  EXPECT_EQ(part.gpu_layers, 2);
  EXPECT_EQ(part.first_blocks(), blocks - 1);
  const uint64_t two = least_for(2);
  EXPECT_EQ(plan(two, {Kind::Count, 2}).gpu_layers, 2);
  EXPECT_THAT(complaint(two, {Kind::Count, 3}), HasSubstr(cat("3 layers of ", blocks + 1, " on the GPU take ")));
  EXPECT_THAT(complaint(two, {Kind::All}), HasSubstr("2 would fit: use -ngl 2 or -ngl auto"));
  EXPECT_THAT(complaint(1000, {Kind::All}), HasSubstr("not one layer fits: use -ngl 0"));
}

TEST_P(OffloadPlanTest, SlotsTakeMemoryToo) {
  const uint64_t all = least_for(plan(kPlenty, {Kind::All}).block_count + 1);
  request_.usual = {8, 8192};
  EXPECT_LT(plan(all, {Kind::Fitting}).gpu_layers, plan(kPlenty, {Kind::Fitting}).gpu_layers);
  // Whoever asks for all of it gets it with the least that was asked for.
  EXPECT_TRUE(plan(all, {Kind::All}).all_on_gpu());
  request_.least = request_.usual;
  EXPECT_NE(complaint(all, {Kind::All}), "(fits)");
}

INSTANTIATE_TEST_SUITE_P(Models, OffloadPlanTest,
                         testing::Values("hybrid-tied.Q8_0.gguf", "hybrid-plain.Q8_0.gguf", "moe.Q8_0.gguf",
                                         "dense-qwen3.Q8_0.gguf"),
                         [](const auto& model) { return "Model" + std::to_string(model.index); });

class OffloadPlanWords : public OffloadPlanTest {
 protected:
  OffloadPlanWords() : OffloadPlanTest("hybrid-tied.Q8_0.gguf") {}
};

TEST_F(OffloadPlanWords, SayWhatRunsWhereAndWhy) {
  EXPECT_EQ(plan(kPlenty, {Kind::Fitting}).lines[0],
            "5 of 5 layers on the GPU (blocks 0 to 3, output head and draft block), all fit");
  EXPECT_THAT(plan(kPlenty, {Kind::Fitting}).lines[1],
              HasSubstr(" for 1 slot of 512 positions, 1.0 GiB for passes; 63.0 GiB of 64.0 GiB left"));
  const OffloadPlan part = plan(kPlenty, {Kind::Count, 2});
  EXPECT_EQ(part.lines[0],
            "2 of 5 layers on the GPU (block 3, output head and draft block), blocks 0 to 2 and the embedding table on "
            "the CPU, "
            "as -ngl says");
  EXPECT_THAT(part.lines[1], HasSubstr("left; the machine's: "));
  EXPECT_EQ(plan(kPlenty, {Kind::Count, 4}).lines[0],
            "4 of 5 layers on the GPU (blocks 1 to 3, output head and draft block), block 0 and the embedding table on "
            "the CPU, "
            "as -ngl says");
  EXPECT_EQ(plan(kPlenty, {Kind::Count, 1}).lines[0],
            "1 of 5 layers on the GPU (output head and draft block), blocks 0 to 3 and the embedding table on the CPU, "
            "as -ngl says");
  EXPECT_THAT(plan(least_for(3), {Kind::Fitting}).lines[0], HasSubstr(", more do not fit"));
  EXPECT_EQ(plan(kPlenty, {Kind::All}).lines[0],
            "5 of 5 layers on the GPU (blocks 0 to 3, output head and draft block), as asked");
  const std::vector<std::string> nothing = plan(1 << 20, {Kind::Fitting}).lines;
  ASSERT_EQ(nothing.size(), 1u);
  EXPECT_THAT(nothing[0],
              HasSubstr("all layers on the CPU: not one fits on the GPU, where the output head alone takes 10"));
  EXPECT_THAT(nothing[0], HasSubstr(" MiB and 1 MiB are free"));
}

}  // namespace
}  // namespace paceline

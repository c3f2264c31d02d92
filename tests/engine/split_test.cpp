// A model divided between two devices computes what it computes on one, and remembers it in both memories.
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "device/split_device.h"
#include "engine/engine_fixture.h"
#include "engine/prompt_logits.h"
#include "engine/runner.h"

namespace paceline {
namespace {

constexpr int kRows = 16, kPromptLength = 40;

GgufFile open_golden(const std::string& name) { return GgufFile::open(PACELINE_TEST_DATA "/golden/" + name); }

PromptLogits logits_on(Device& device, const GgufFile& file) {
  const std::unique_ptr<Model> model = load_model(file, device, {.max_batch_rows = kRows, .on_progress = {}});
  return compute_prompt_logits(device, *model, test::random_prompt(*model, 3, kPromptLength), {}, kRows);
}

int block_count(const GgufFile& file, Device& device) {
  return load_model(file, device, {.max_batch_rows = 1, .on_progress = {}})->facts().trunk_layer_count;
}

struct Division {
  const char* model;
  const char* device;
};

class DividedWithItself : public testing::TestWithParam<Division> {};

TEST_P(DividedWithItself, GivesTheSameBitsAtEveryPoint) {
  const GgufFile file = open_golden(GetParam().model);
  const auto main = open_device({.kind = GetParam().device, .threads = 1, .isa = ""});
  const auto other = open_device({.kind = GetParam().device, .threads = 2, .isa = ""});
  const PromptLogits whole = logits_on(*main, file);
  const int blocks = block_count(file, *main);
  ASSERT_GE(blocks, 4);
  for (int first = 1; first <= blocks; ++first) {
    SplitDevice split(*main, *other, first);
    const PromptLogits got = logits_on(split, file);
    EXPECT_EQ(test::hash_bits(got.trunk), test::hash_bits(whole.trunk)) << first << " blocks on the other device";
    EXPECT_EQ(test::hash_bits(got.draft), test::hash_bits(whole.draft)) << first << " blocks on the other device";
    EXPECT_EQ(got.chain, whole.chain);
  }
}

INSTANTIATE_TEST_SUITE_P(Split, DividedWithItself,
                         testing::Values(Division{"hybrid-tied.Q8_0.gguf", "cpu"},
                                         Division{"hybrid-tied.Q8_0.gguf", "reference"},
                                         Division{"hybrid-untied.Q4_K_M.gguf", "cpu"},
                                         Division{"hybrid-plain.Q8_0.gguf", "cpu"}, Division{"moe.Q8_0.gguf", "cpu"},
                                         Division{"dense-qwen3.Q8_0.gguf", "cpu"},
                                         Division{"dense-qwen3.Q8_0.gguf", "reference"}),
                         [](const auto& division) { return "Division" + std::to_string(division.index); });

// Each block computes on the device that has it: the results of another one show.
TEST(Split, BlocksHaveTheBitsOfTheirDevice) {
  const GgufFile file = open_golden("hybrid-tied.Q8_0.gguf");
  const auto cpu = open_device({.kind = "cpu", .threads = 2, .isa = ""});
  const auto reference = open_device({.kind = "reference", .threads = 0, .isa = ""});
  std::set<uint64_t> seen{test::hash_bits(logits_on(*cpu, file).trunk),
                          test::hash_bits(logits_on(*reference, file).trunk)};
  const int blocks = block_count(file, *cpu);
  for (int first = 1; first <= blocks; ++first) {
    SplitDevice split(*cpu, *reference, first);
    EXPECT_TRUE(seen.insert(test::hash_bits(logits_on(split, file).trunk)).second) << first;
  }
}

TEST(Split, StateLiesWhereTheLayersAre) {
  const GgufFile file = open_golden("hybrid-tied.Q8_0.gguf");
  const auto main = open_device({.kind = "cpu", .threads = 1, .isa = ""});
  const auto other = open_device({.kind = "reference", .threads = 0, .isa = ""});
  SplitDevice split(*main, *other, 2);
  const std::unique_ptr<Model> model = load_model(file, split, {.max_batch_rows = kRows, .on_progress = {}});
  SequenceState state(split, model->state_shape(64, 4, {}));
  const StateShape& shape = state.shape();
  const auto home = [&](int layer) { return layer < 2 ? other.get() : static_cast<Device*>(&split); };
  int on_other = 0;
  for (size_t i = 0; i < shape.kv.size(); ++i) {
    EXPECT_EQ(state.kv(static_cast<int>(i)).device, home(shape.kv[i].layer));
    on_other += shape.kv[i].layer < 2;
  }
  for (size_t i = 0; i < shape.recurrent.size(); ++i) {
    EXPECT_EQ(state.recurrent(static_cast<int>(i)).device, home(shape.recurrent[i].layer));
    on_other += shape.recurrent[i].layer < 2;
  }
  EXPECT_EQ(on_other, 2);
  EXPECT_EQ(shape.kv.back().layer, model->facts().trunk_layer_count);  // the draft block: on the main device
  EXPECT_EQ(shape.kv.size() + shape.recurrent.size(), static_cast<size_t>(model->facts().trunk_layer_count) + 1);
}

TEST(Split, SnapshotsGoThroughBothMemories) {
  const GgufFile file = open_golden("hybrid-tied.Q8_0.gguf");
  const auto main = open_device({.kind = "cpu", .threads = 1, .isa = ""});
  const auto other = open_device({.kind = "reference", .threads = 0, .isa = ""});
  SplitDevice split(*main, *other, 2);
  const RunnerOptions options{.max_prompt_rows = kRows, .max_sequences = 1, .max_drafts = 0};
  const std::unique_ptr<Model> model =
      load_model(file, split, {.max_batch_rows = max_batch_rows(options), .on_progress = {}});
  Runner runner(split, *model, nullptr, options);
  Sequence sequence(split, *model, model->state_shape(64, 1, {}), test::random_prompt(*model, 5, kPromptLength), {});
  Sequence* const sequences[] = {&sequence};
  while (sequence.output().size() < 4) runner.step(sequences);

  const StateSnapshot saved = sequence.state.snapshot(0);
  SequenceState copy(split, model->state_shape(48, 1, {}));
  copy.restore_kv(saved), copy.restore_recurrent(saved);
  const StateSnapshot again = copy.snapshot(0);
  ASSERT_EQ(again.kv_bytes, saved.kv_bytes);
  ASSERT_EQ(again.recurrent_bytes, saved.recurrent_bytes);
  EXPECT_EQ(std::memcmp(again.kv.get(), saved.kv.get(), saved.kv_bytes), 0);
  EXPECT_EQ(std::memcmp(again.recurrent.get(), saved.recurrent.get(), saved.recurrent_bytes), 0);
}

TEST(Split, SaysWhatRunsWhere) {
  const auto main = open_device({.kind = "cpu", .threads = 3, .isa = "scalar"});
  const auto other = open_device({.kind = "reference", .threads = 0, .isa = ""});
  EXPECT_EQ(SplitDevice(*main, *other, 3).description(),
            "cpu: 3 threads, scalar; the first 3 blocks on " + other->description());
}

}  // namespace
}  // namespace paceline

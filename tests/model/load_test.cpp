// Files whose metadata and tensors do not fit together are refused with a message that says what, where, expected and got.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "model/model.h"
#include "support/edited_gguf.h"

namespace paceline {
namespace {

using test::GgufEdits;
using testing::HasSubstr;

const std::string kHybrid = PACELINE_TEST_DATA "/golden/hybrid-tied.Q8_0.gguf";

std::unique_ptr<Model> load(const std::string& path) {
  static const std::unique_ptr<Device> device = open_device({.kind = "reference", .threads = 0, .isa = ""});
  static std::vector<GgufFile> files;  // outlive the models
  files.push_back(GgufFile::open(path));
  return load_model(files.back(), *device, {.max_batch_rows = 8, .on_progress = {}});
}

// The message of loading an edited copy; "" when it loads.
std::string load_edited(const std::string& from, const GgufEdits& edits) {
  const std::string path = testing::TempDir() + "/edited.gguf";
  test::write_edited(from, path, edits);
  try {
    load(path);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(LoadModel, AnUnchangedCopyLoads) { EXPECT_EQ(load_edited(kHybrid, {}), ""); }

TEST(LoadModel, FactsComeFromTheFile) {
  const auto model = load(kHybrid);
  EXPECT_EQ(model->facts().architecture, "qwen35");
  EXPECT_EQ(model->facts().vocab_size, 320);
  EXPECT_TRUE(model->facts().has_draft_head);
  EXPECT_EQ(model->state_shape(10, 4, {}).max_generate_rows, 4);
}

struct BadValue {
  const char* key;
  GgufValue value;
  const char* expected_message;
};

class LoadModelBadValue : public testing::TestWithParam<BadValue> {};

TEST_P(LoadModelBadValue, IsRefused) {
  const BadValue& bad = GetParam();
  const std::string message = load_edited(kHybrid, test::with_value(bad.key, bad.value));
  EXPECT_THAT(message, HasSubstr("edited.gguf"));
  EXPECT_THAT(message, HasSubstr(bad.expected_message));
}

INSTANTIATE_TEST_SUITE_P(
    Keys, LoadModelBadValue,
    testing::Values(BadValue{"general.architecture", test::text_value("mamba"), "expected one of qwen35"},
                    BadValue{"qwen35.block_count", test::u32_value(0), "qwen35.block_count"},
                    BadValue{"qwen35.block_count", test::u32_value(513), "qwen35.block_count"},
                    BadValue{"qwen35.block_count", test::text_value("many"), "qwen35.block_count"},
                    BadValue{"qwen35.nextn_predict_layers", test::u32_value(400), "block_count"},
                    BadValue{"qwen35.nextn_predict_layers", test::u32_value(2), "supported are 0 and 1"},
                    BadValue{"qwen35.embedding_length", test::u32_value(64), "expected"},
                    BadValue{"qwen35.embedding_length", test::u32_value(0), "embedding_length"},
                    BadValue{"qwen35.attention.head_count", test::u32_value(0), "head_count"},
                    BadValue{"qwen35.attention.head_count_kv", test::u32_value(3), "expected a divisor"},
                    BadValue{"qwen35.attention.key_length", test::u32_value(33), "key_length"},
                    BadValue{"qwen35.attention.layer_norm_rms_epsilon", test::f32_value(-1),
                             "expected a positive number"},
                    BadValue{"qwen35.rope.freq_base", test::f32_value(0), "expected a positive number"},
                    BadValue{"qwen35.rope.dimension_count", test::u32_value(5000), "rope.dimension_count"},
                    BadValue{"qwen35.ssm.conv_kernel", test::u32_value(1), "conv_kernel"},
                    BadValue{"qwen35.ssm.state_size", test::u32_value(7), "ssm.inner_size"},
                    BadValue{"qwen35.ssm.group_count", test::u32_value(3), "ssm"},
                    BadValue{"qwen35.feed_forward_length", test::u32_value(1), "ffn_gate.weight"}));

TEST(LoadModel, AMissingKeyIsNamed) {
  GgufEdits edits;
  edits.value = [](const std::string& key, const GgufValue& value) {
    return key == "qwen35.rope.dimension_sections" ? std::nullopt : std::optional(value);
  };
  EXPECT_THAT(load_edited(kHybrid, edits), HasSubstr("qwen35.rope.dimension_sections"));
}

TEST(LoadModel, AMissingTensorIsNamed) {
  GgufEdits edits;
  edits.tensor_name = [](const std::string& name) {
    return name == "blk.1.ssm_a" ? std::nullopt : std::optional(name);
  };
  EXPECT_THAT(load_edited(kHybrid, edits), HasSubstr("blk.1.ssm_a"));
}

TEST(LoadModel, AnUnexpectedTensorIsNamed) {
  GgufEdits edits;
  edits.extra = {{"blk.0.mystery.weight", 8}};
  EXPECT_THAT(load_edited(kHybrid, edits), HasSubstr("blk.0.mystery.weight"));
}

TEST(LoadModel, AHeadAloneIsExplained) {
  GgufEdits edits;
  edits.tensor_name = [](const std::string& name) {
    return name == "blk.0.attn_norm.weight" ? std::nullopt : std::optional(name);
  };
  EXPECT_THAT(load_edited(kHybrid, edits), HasSubstr("only the draft head"));
}

}  // namespace
}  // namespace paceline

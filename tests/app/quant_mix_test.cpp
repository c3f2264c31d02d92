// The mixes against the published type counts of the 27B with its draft head (spec section 9.4).
#include "app/synth/quant_mix.h"

#include <gtest/gtest.h>

#include <map>

#include "app/synth/tensor_plan.h"
#include "base/error.h"

namespace paceline::synth {
namespace {

using enum QuantType;
using Counts = std::map<QuantType, int>;

struct Expected {
  const char* mix;
  Counts counts;
  double gibibytes;        // of all tensors
  double block_megabytes;  // of the draft block
};

std::map<QuantType, int> count_types(const std::vector<TensorPlan>& plans) {
  Counts counts;
  for (const TensorPlan& plan : plans) ++counts[plan.type];
  return counts;
}

uint64_t bytes_of(const std::vector<TensorPlan>& plans, std::string_view prefix = "") {
  uint64_t bytes = 0;
  for (const TensorPlan& plan : plans)
    if (plan.name.starts_with(prefix)) bytes += plan.bytes();
  return bytes;
}

class Mix27B : public testing::TestWithParam<Expected> {};

TEST_P(Mix27B, HasThePublishedCountsAndSizes) {
  const std::vector<TensorPlan> plans = plan_tensors(find_shape("27B"), find_mix(GetParam().mix), false);
  EXPECT_EQ(plans.size(), 866u);
  EXPECT_EQ(count_types(plans), GetParam().counts);
  EXPECT_NEAR(static_cast<double>(bytes_of(plans)) / (1 << 30), GetParam().gibibytes, 0.006);
  EXPECT_NEAR(static_cast<double>(bytes_of(plans, "blk.64.")) / 1e6, GetParam().block_megabytes, 0.51);
}

INSTANTIATE_TEST_SUITE_P(
    All, Mix27B,
    testing::Values(Expected{"Q2_K", {{F32, 360}, {Q6_K, 1}, {Q4_K, 65}, {Q3_K, 82}, {Q2_K, 358}}, 10.11, 153},
                    Expected{"Q3_K_S", {{F32, 360}, {Q6_K, 1}, {Q3_K, 505}}, 11.41, 183},
                    Expected{"Q3_K_M", {{F32, 360}, {Q6_K, 1}, {Q5_K, 6}, {Q4_K, 141}, {Q3_K, 358}}, 12.56, 199},
                    Expected{"Q3_K_L", {{F32, 360}, {Q6_K, 1}, {Q5_K, 147}, {Q3_K, 358}}, 13.55, 215},
                    Expected{"Q4_K_S", {{F32, 360}, {Q6_K, 1}, {Q5_K, 12}, {Q4_K, 493}}, 14.73, 239},
                    Expected{"Q4_K_M", {{F32, 360}, {Q6_K, 67}, {Q4_K, 439}}, 15.65, 263},
                    Expected{"Q5_K_S", {{F32, 360}, {Q6_K, 1}, {Q5_K, 505}}, 17.66, 292},
                    Expected{"Q5_K_M", {{F32, 360}, {Q6_K, 67}, {Q5_K, 439}}, 18.18, 305},
                    Expected{"Q6_K", {{F32, 360}, {Q6_K, 506}}, 20.88, 348},
                    Expected{"Q8_0", {{F32, 360}, {Q8_0, 506}}, 27.04, 451},
                    Expected{"F16", {{F32, 360}, {F16, 506}}, 50.89, 849},
                    Expected{"BF16", {{F32, 360}, {BF16, 506}}, 50.89, 849},
                    Expected{"Q4_0", {{F32, 360}, {Q6_K, 1}, {Q4_0, 505}}, 14.63, 239},
                    Expected{"IQ4_XS", {{F32, 360}, {Q6_K, 1}, {Q5_K, 73}, {IQ4_XS, 432}}, 14.35, 227}),
    [](const testing::TestParamInfo<Expected>& instance) { return std::string(instance.param.mix); });

TEST(QuantMix, DraftBlockFollowsTheRules) {
  for (const TensorPlan& plan : plan_tensors(find_shape("27B"), find_mix("Q4_K_M"), false)) {
    if (plan.name == "blk.64.attn_v.weight" || plan.name == "blk.64.ffn_down.weight") {
      EXPECT_EQ(plan.type, Q6_K) << plan.name;
    }
    if (plan.name == "blk.64.nextn.eh_proj.weight") {
      EXPECT_EQ(plan.type, Q4_K);
    }
  }
}

TEST(QuantMix, TensorAndParameterCountsOfTheShapes) {
  struct Size {
    const char* shape;
    size_t tensors;
    double millions;
  };
  for (const Size& size : {Size{"0.8B", 335, 772.8}, Size{"2B", 335, 1942.7}, Size{"4B", 441, 4326.4},
                           Size{"9B", 442, 9197.1}, Size{"27B", 866, 27320.7}}) {
    const std::vector<TensorPlan> plans = plan_tensors(find_shape(size.shape), find_mix("F16"), false);
    double parameters = 0;
    for (const TensorPlan& plan : plans) parameters += static_cast<double>(plan.rows() * plan.columns());
    EXPECT_EQ(plans.size(), size.tensors) << size.shape;
    EXPECT_NEAR(parameters / 1e6, size.millions, 0.051) << size.shape;
  }
}

TEST(QuantMix, MixtureOfExpertsCounts) {
  const ModelShape& shape = find_shape("35B-A3B");
  // 733 of the trunk, and the draft block's: 16 more tensors of an attention block with experts, less 3 dense ones, and 4 of the head.
  const std::vector<TensorPlan> plans = plan_tensors(shape, find_mix("MXFP4_MOE"), false);
  EXPECT_EQ(plans.size(), 733u + 20u);
  EXPECT_EQ(count_types(plans)[MXFP4], 3 * 41);
  for (const TensorPlan& plan : plans)
    EXPECT_EQ(plan.type == MXFP4, plan.name.find("_exps.") != std::string::npos) << plan.name;
}

TEST(QuantMix, OwnHeadOfACodedTiedShapeReadsTheSameBytes) {
  const ModelShape& shape = find_shape("0.8B");
  for (const QuantMix& mix : all_mixes()) {
    const std::vector<TensorPlan> plain = plan_tensors(shape, mix, false), coded = plan_tensors(shape, mix, true);
    EXPECT_EQ(coded.size(), plain.size() + 1);
    EXPECT_EQ(bytes_of(coded, "output.weight"), bytes_of(plain, "token_embd.weight")) << mix.name;
    EXPECT_EQ(bytes_of(coded, "blk."), bytes_of(plain, "blk.")) << mix.name;
  }
}

TEST(QuantMix, FallsBackWhereColumnsDoNotFillBlocks) {
  EXPECT_EQ(type_for_columns(Q2_K, 96), Q4_0);
  EXPECT_EQ(type_for_columns(Q3_K, 96), Q4_0);
  EXPECT_EQ(type_for_columns(Q4_K, 96), Q5_0);
  EXPECT_EQ(type_for_columns(Q5_K, 96), Q5_1);
  EXPECT_EQ(type_for_columns(Q6_K, 96), Q8_0);
  EXPECT_EQ(type_for_columns(IQ4_XS, 96), IQ4_NL);
  EXPECT_EQ(type_for_columns(Q4_K, 40), F16);
  EXPECT_EQ(type_for_columns(Q4_K, 512), Q4_K);
}

TEST(QuantMix, FewQueryHeadsPerValueHeadGetFewerBits) {
  const TensorPlace place{TensorRole::Value, 0, 24, 2, false, 1024};
  EXPECT_EQ(tensor_type(find_mix("Q2_K"), place), Q3_K);
  EXPECT_EQ(tensor_type(find_mix("IQ4_XS"), place), IQ4_XS);
}

TEST(QuantMix, UnknownNamesAreUsageErrors) {
  EXPECT_THROW(find_mix("Q9_Z"), UsageError);
  EXPECT_THROW(find_shape("3B"), UsageError);
  EXPECT_EQ(find_mix("q4_k").name, "Q4_K_M");
}

}  // namespace
}  // namespace paceline::synth

#include "app/recommended_sampling.h"

#include <gtest/gtest.h>

namespace paceline {
namespace {

Metadata file_of(const char* architecture) {
  Metadata metadata("test");
  metadata.add("general.architecture", GgufValue{GgufType::String, std::string(architecture)});
  return metadata;
}

TEST(RecommendedSampling, FollowsTheCardOfQwen) {
  for (const char* architecture : {"qwen35", "qwen35moe"}) {
    const SamplingParameters thinking = recommended_sampling(file_of(architecture), true);
    EXPECT_EQ(thinking.temperature, 1.0f);
    EXPECT_EQ(thinking.top_p, 0.95f);
    EXPECT_EQ(thinking.top_k, 20);
    EXPECT_EQ(thinking.min_p, 0.0f);
    EXPECT_FALSE(thinking.has_penalties());
    const SamplingParameters direct = recommended_sampling(file_of(architecture), false);
    EXPECT_EQ(direct.temperature, 0.7f);
    EXPECT_EQ(direct.top_p, 0.8f);
    EXPECT_EQ(direct.presence_penalty, 1.5f);
  }
}

TEST(RecommendedSampling, LeavesOthersAndFilesWithSettingsAlone) {
  EXPECT_EQ(recommended_sampling(file_of("qwen3"), true).temperature, SamplingParameters().temperature);
  Metadata own = file_of("qwen35");
  own.add("general.sampling.temp", GgufValue{GgufType::F32, 0.0});
  EXPECT_FALSE(recommended_sampling(own, false).has_penalties());
  EXPECT_EQ(recommended_sampling(own, false).top_k, SamplingParameters().top_k);
}

}  // namespace
}  // namespace paceline

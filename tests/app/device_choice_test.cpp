// Which device --device and -ngl choose, with a GPU and without.
#include "app/device_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace paceline {
namespace {

using testing::HasSubstr;

constexpr const char* kNoGpu = "there is no GPU";

using Kind = LayerWish::Kind;

struct Choice : DeviceChoice {
  std::string note;
};

Choice choose(const std::vector<std::string>& words, const std::string& cuda_missing) {
  Choice out;
  const GpuQuestions gpu{[&] { return cuda_missing; }, [&] { return cuda_missing.empty() ? "use it" : ""; }};
  static_cast<DeviceChoice&>(out) = choose_device(Arguments::parse(kComplete, words, 0), gpu, out.note);
  return out;
}

std::string complaint(const std::vector<std::string>& words, const std::string& cuda_missing) {
  try {
    choose(words, cuda_missing);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "(accepted)";
}

TEST(DeviceChoice, IsTheCpuUnlessAskedForMore) {
  EXPECT_EQ(choose({}, "").options.kind, "cpu");
  EXPECT_EQ(choose({"--device", "auto"}, "").options.kind, "cuda");
  EXPECT_EQ(choose({"--device", "auto"}, kNoGpu).options.kind, "cpu");
  EXPECT_EQ(choose({"--device", "cuda"}, kNoGpu).options.kind, "cuda");  // open_device() says what is missing
  EXPECT_EQ(choose({"--device", "reference"}, "").options.kind, "reference");
}

TEST(DeviceChoice, AGpuThatNobodyAskedForIsSaidToBeThere) {
  EXPECT_EQ(choose({}, "").note, "use it");
  EXPECT_EQ(choose({}, kNoGpu).note, "");
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--device", "cpu"}, {"-ngl", "0"}})
    EXPECT_EQ(choose(words, "").note, "");
}

TEST(DeviceChoice, NobodyLooksForAGpuThatIsNotWanted) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{}, {"--device", "reference"}, {"-ngl", "0"}}) {
    int asked = 0;
    std::string note;
    const GpuQuestions gpu{[&] { return ++asked, std::string(); }, [] { return std::string(); }};
    choose_device(Arguments::parse(kComplete, words, 0), gpu, note);
    EXPECT_EQ(asked, 0);
  }
}

TEST(DeviceChoice, LayersGoToTheGpuOrStay) {
  for (const char* all : {"all", "-1", "25", "99"}) EXPECT_EQ(choose({"-ngl", all}, "").options.kind, "cuda") << all;
  EXPECT_EQ(choose({"-ngl", "auto"}, "").options.kind, "cuda");
  EXPECT_EQ(choose({"-ngl", "0"}, "").options.kind, "cpu");
  EXPECT_EQ(choose({"-ngl", "99", "--device", "cuda"}, "").options.kind, "cuda");
  EXPECT_EQ(choose({"-ngl", "0", "--device", "auto"}, "").options.kind, "cpu");
}

TEST(DeviceChoice, SaysHowManyLayersAGpuGets) {
  for (const auto& words :
       {std::vector<std::string>{"--device", "cuda"}, {"-ngl", "all"}, {"-ngl", "-1", "--device", "auto"}})
    EXPECT_EQ(choose(words, "").layers->kind, Kind::All);
  for (const auto& words :
       {std::vector<std::string>{"--device", "auto"}, {"-ngl", "auto"}, {"-ngl", "auto", "--device", "cuda"}})
    EXPECT_EQ(choose(words, "").layers->kind, Kind::Fitting);
  for (const auto& words : {std::vector<std::string>{"-ngl", "7"}, {"-ngl", "7", "--device", "auto"}}) {
    const Choice part = choose(words, "");
    EXPECT_EQ(part.options.kind, "cuda");
    EXPECT_EQ(part.layers->kind, Kind::Count);
    EXPECT_EQ(part.layers->count, 7);
  }
  EXPECT_FALSE(choose({}, "").layers);
  EXPECT_FALSE(choose({"-ngl", "0"}, "").layers);
  EXPECT_FALSE(choose({"-ngl", "7"}, kNoGpu).layers);
}

TEST(DeviceChoice, WithoutAGpuLayersStayAndThatIsSaid) {
  for (const char* some : {"all", "99", "7"}) {
    const Choice got = choose({"-ngl", some}, kNoGpu);
    EXPECT_EQ(got.options.kind, "cpu");
    EXPECT_EQ(got.note, "-ngl changes nothing here, all layers stay on the CPU: there is no GPU") << some;
  }
  EXPECT_EQ(choose({"-ngl", "9", "--device", "reference"}, kNoGpu).options.kind, "reference");
  EXPECT_EQ(choose({"-ngl", "9", "--device", "cuda"}, kNoGpu).options.kind, "cuda");  // open_device() refuses
  EXPECT_EQ(choose({"-ngl", "0"}, kNoGpu).note, "");
  EXPECT_EQ(choose({"-ngl", "auto"}, kNoGpu).note, "");
}

TEST(DeviceChoice, ContradictionsAreRefused) {
  EXPECT_THAT(complaint({"-ngl", "all", "--device", "cpu"}, ""), HasSubstr("contradict each other"));
  EXPECT_THAT(complaint({"-ngl", "0", "--device", "cuda"}, ""), HasSubstr("contradict each other"));
  EXPECT_EQ(complaint({"-ngl", "0", "--device", "reference"}, ""), "(accepted)");
  EXPECT_THAT(complaint({"-ngl", "all", "--device", "reference"}, ""), HasSubstr("contradict each other"));
}

TEST(DeviceChoice, GraphsAreForAGpu) {
  EXPECT_TRUE(choose({"--device", "cuda"}, "").options.graphs);
  EXPECT_FALSE(choose({"--device", "cuda", "--cuda-graphs", "off"}, "").options.graphs);
  EXPECT_FALSE(choose({"-ngl", "all", "--cuda-graphs", "off"}, "").options.graphs);
  EXPECT_TRUE(choose({"--device", "auto", "--cuda-graphs", "on"}, "").options.graphs);
  EXPECT_THAT(complaint({"--cuda-graphs", "off"}, ""), HasSubstr("--cuda-graphs off is for the cuda device"));
  EXPECT_THAT(complaint({"--cuda-graphs", "on", "--device", "reference"}, ""), HasSubstr("is for the cuda device"));
  EXPECT_EQ(choose({"--device", "auto", "--cuda-graphs", "off"}, kNoGpu).note,
            "--cuda-graphs changes nothing on the CPU");
  EXPECT_THAT(choose({"-ngl", "all", "--cuda-graphs", "off"}, kNoGpu).note,
              HasSubstr("there is no GPU; --cuda-graphs changes nothing on the CPU"));
}

}  // namespace
}  // namespace paceline

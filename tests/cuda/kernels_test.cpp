// What the sources of kernels must look like, where neither a compiler nor the emulator would notice.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

namespace paceline::cuda {
namespace {

struct Kernels {
  int count = 0;
  std::vector<std::string> hasty;  // whose first statement, prefetch_…() not counted, is not wait_for_previous_kernel()
};

Kernels kernels_of(const std::string& source) {
  static const std::regex kernel(
      R"(__global__\s+void\s+__launch_bounds__\([^{]*?\b(\w+)\(\w+ \w+(?:, \w+ \w+)*\)\s*\{\s*(?:prefetch_\w+(?:<\w+>)?\([^;]*\);\s*)?([^;]*;))");
  Kernels out;
  for (auto at = std::sregex_iterator(source.begin(), source.end(), kernel); at != std::sregex_iterator(); ++at) {
    ++out.count;
    if ((*at)[2] != "wait_for_previous_kernel();") out.hasty.push_back((*at)[1]);
  }
  return out;
}

// A kernel that read before it waits would read what the kernel before it is still writing, on hardware only, now and then.
TEST(Kernels, WaitBeforeTheyDoAnything) {
  int count = 0, mentioned = 0;
  for (const auto& entry : std::filesystem::directory_iterator(PACELINE_SOURCE_DIR "/src/device/cuda")) {
    if (!entry.is_regular_file()) continue;
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    const std::string source = text.str();
    const Kernels found = kernels_of(source);
    EXPECT_EQ(found.hasty, std::vector<std::string>()) << entry.path();
    count += found.count;
    for (size_t at = source.find("__global__ "); at != std::string::npos; at = source.find("__global__ ", at + 1))
      ++mentioned;
  }
  EXPECT_GE(count, 20);
  EXPECT_EQ(count, mentioned) << "a kernel that this test does not recognise";
}

TEST(Kernels, AreFoundWhenTheyDoNotWait) {
  const std::string source =
      "__global__ void __launch_bounds__(f(1) * 2, kAt<3>) quick(Task task) {\n  const int i = 1;\n}\n"
      "__global__ void __launch_bounds__(32) slow(Task task, int count) {\n  wait_for_previous_kernel();\n}\n"
      "__global__ void __launch_bounds__(32) early(Task task) {\n  prefetch_shares<2>(task, 16);\n  "
      "wait_for_previous_kernel();\n}\n"
      "__global__ void __launch_bounds__(32) early_only(Task task) {\n  prefetch_share(task, 16);\n  const int i = "
      "1;\n}\n";
  EXPECT_EQ(kernels_of(source).count, 4);
  EXPECT_EQ(kernels_of(source).hasty, (std::vector<std::string>{"quick", "early_only"}));
}

}  // namespace
}  // namespace paceline::cuda

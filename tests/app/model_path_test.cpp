#include "app/model_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.h"

namespace paceline {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

template <class Call>
std::string complaint(const Call& call) {
  try {
    return "(found " + call() + ")";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(ChooseModelFile, TakesTheWantedQuantAsAWholeWord) {
  const std::vector<std::string> files = {"M-Q4_K_M.gguf", "M-Q4_K_S.gguf", "M-Q8_0.gguf", "M-UD-Q4_K_XL.gguf"};
  EXPECT_EQ(choose_model_file("a/b", "Q8_0", files), "M-Q8_0.gguf");
  EXPECT_EQ(choose_model_file("a/b", "q4_k_s", files), "M-Q4_K_S.gguf");
  EXPECT_EQ(choose_model_file("a/b", "", files), "M-Q4_K_M.gguf");
  EXPECT_THAT(complaint([&] { return choose_model_file("a/b", "Q4_K", files); }), HasSubstr("no file with Q4_K"));
}

TEST(ChooseModelFile, TheOnlyModelNeedsNoQuant) {
  EXPECT_EQ(choose_model_file("a/b", "", {"M-Q6_K.gguf", "mmproj-F16.gguf", "mtp-M-Q6_K.gguf"}), "M-Q6_K.gguf");
}

TEST(ChooseModelFile, SplitSetsCountOnceByTheirFirstPart) {
  const std::vector<std::string> files = {"BF16/M-BF16-00001-of-00002.gguf", "BF16/M-BF16-00002-of-00002.gguf"};
  EXPECT_EQ(choose_model_file("a/b", "BF16", files), "BF16/M-BF16-00001-of-00002.gguf");
}

TEST(ChooseModelFile, AmbiguityListsTheCandidates) {
  const std::string message = complaint([] { return choose_model_file("a/b", "", {"M-Q6_K.gguf", "M-Q8_0.gguf"}); });
  EXPECT_THAT(message, HasSubstr("M-Q6_K.gguf, M-Q8_0.gguf"));
  EXPECT_THAT(message, HasSubstr("a/b:QUANT"));
}

class Cache : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) / ("hub-" + std::to_string(::getpid()));
    for (const char* name : kVariables) {
      const char* value = std::getenv(name);
      saved_.push_back(value == nullptr ? "" : value);
      ::unsetenv(name);
    }
    add("models--org--model/snapshots/c0ffee/M-Q4_K_M.gguf");
    add("models--org--model/snapshots/old/M-Q8_0.gguf");
    add("models--org--model/refs/main", "c0ffee");
  }
  void TearDown() override {
    fs::remove_all(root_);
    for (size_t i = 0; i < saved_.size(); ++i)
      saved_[i].empty() ? ::unsetenv(kVariables[i]) : ::setenv(kVariables[i], saved_[i].c_str(), 1);
  }
  void add(const std::string& name, const std::string& text = "x") {
    fs::create_directories((root_ / "hub" / name).parent_path());
    std::ofstream(root_ / "hub" / name) << text;
  }

  static constexpr const char* kVariables[] = {"HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"};
  fs::path root_;
  std::vector<std::string> saved_;
};

TEST_F(Cache, FindsTheSnapshotOfRefsMain) {
  const std::string expected = (root_ / "hub/models--org--model/snapshots/c0ffee/M-Q4_K_M.gguf").string();
  ::setenv("HF_HOME", root_.c_str(), 1);
  EXPECT_EQ(find_model_file("org/model"), expected);
  EXPECT_EQ(find_model_file("org/model:Q4_K_M"), expected);
  ::unsetenv("HF_HOME");
  ::setenv("HF_HUB_CACHE", (root_ / "hub").c_str(), 1);
  EXPECT_EQ(find_model_file("org/model"), expected);
}

TEST_F(Cache, LinksThatLeadNowhereAreNoModels) {
  ::setenv("HF_HOME", root_.c_str(), 1);
  const fs::path snapshots = root_ / "hub/models--org--model/snapshots";
  fs::create_symlink("circle-Q4_K_M.gguf", snapshots / "c0ffee/circle-Q4_K_M.gguf");
  fs::create_symlink("nothing", snapshots / "c0ffee/gone-Q4_K_M.gguf");
  fs::create_symlink("folder", snapshots / "c0ffee/folder");
  fs::create_symlink("circle", snapshots / "circle");
  EXPECT_EQ(find_model_file("org/model"), snapshots / "c0ffee/M-Q4_K_M.gguf");
  add("models--org--model/refs/main", "circle");  // then the newest snapshot
  fs::last_write_time(snapshots / "old", fs::file_time_type::clock::now() + std::chrono::hours(1));
  EXPECT_EQ(find_model_file("org/model"), snapshots / "old/M-Q8_0.gguf");
}

TEST_F(Cache, AMissingModelSaysHowToGetIt) {
  ::setenv("HF_HOME", root_.c_str(), 1);
  EXPECT_THAT(complaint([] { return find_model_file("org/other:Q8_0"); }),
              HasSubstr("hf download org/other --include '*Q8_0*.gguf'"));
  EXPECT_THAT(complaint([] { return find_model_file("org/model:Q5_K_M"); }), HasSubstr("it has M-Q4_K_M.gguf"));
  EXPECT_THAT(complaint([] { return find_model_file("nowhere.gguf"); }), HasSubstr("nowhere.gguf does not exist"));
  EXPECT_THAT(complaint([] { return find_model_file("folder/nowhere.gguf"); }), HasSubstr("does not exist"));
}

TEST_F(Cache, PathsWinAndFoldersAreRefused) {
  const std::string file = (root_ / "hub/models--org--model/refs/main").string();
  EXPECT_EQ(find_model_file(file), file);
  EXPECT_THAT(complaint([&] { return find_model_file(root_.string()); }), HasSubstr("is a folder"));
}

}  // namespace
}  // namespace paceline

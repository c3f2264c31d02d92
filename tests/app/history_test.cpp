#include "app/terminal/history.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/strings.h"

namespace paceline {
namespace {

namespace fs = std::filesystem;

class HistoryFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::path(testing::TempDir()) / cat("history-", testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path() const { return (folder_ / "deep" / "history").string(); }
  std::string content() const {
    std::ifstream file(path());
    return {std::istreambuf_iterator<char>(file), {}};
  }
  fs::path folder_;
};

TEST_F(HistoryFile, KeepsLinesBreaksAndBackslashes) {
  const std::vector<std::string> entries = {"one", "two\nlines", "back\\slash \\n\n", "漢字 👩‍👧"};
  {
    History history(path());
    for (const std::string& entry : entries) history.add(entry);
  }
  EXPECT_EQ(History(path()).entries(), entries);
  struct stat status = {};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(HistoryFile, LeavesOutBlanksRepetitionsAndGiants) {
  History history(path());
  for (const std::string& entry : {std::string("a"), std::string("a"), std::string(" \n\t"), std::string(),
                                   std::string(History::kMostEntryBytes + 1, 'x'), std::string("b"), std::string("a")})
    history.add(entry);
  EXPECT_EQ(history.entries(), (std::vector<std::string>{"a", "b", "a"}));
}

TEST_F(HistoryFile, IsBoundedInMemoryAndOnDisk) {
  for (int round = 0; round < 3; ++round) {
    History history(path());
    for (size_t i = 0; i < History::kMostEntries; ++i) history.add(cat("entry ", round, " ", i));
    EXPECT_EQ(history.entries().size(), History::kMostEntries);
  }
  const History history(path());
  EXPECT_EQ(history.entries().size(), History::kMostEntries);
  EXPECT_EQ(history.entries().front(), "entry 2 0");
  const std::string text = content();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), static_cast<std::ptrdiff_t>(History::kMostEntries));
}

TEST_F(HistoryFile, ChatsAtTheSameTimeLoseNothing) {
  History first(path()), second(path());
  first.add("from the first");
  second.add("from the second");
  EXPECT_EQ(History(path()).entries(), (std::vector<std::string>{"from the first", "from the second"}));
}

TEST_F(HistoryFile, WorksWithoutAFile) {
  fs::create_directories(path());  // a folder stands in its place
  History history(path());
  history.add("kept in memory");
  EXPECT_EQ(history.entries().size(), 1u);
  History nowhere("");
  nowhere.add("too");
  EXPECT_EQ(nowhere.entries().size(), 1u);
}

TEST_F(HistoryFile, BytesThatAreNoTextAreRepaired) {
  fs::create_directories(fs::path(path()).parent_path());
  std::ofstream(path()) << "\xff\xfe\nends in a backslash\\\n";
  EXPECT_EQ(History(path()).entries(), (std::vector<std::string>{"\uFFFD\uFFFD", "ends in a backslash\\"}));
}

}  // namespace
}  // namespace paceline

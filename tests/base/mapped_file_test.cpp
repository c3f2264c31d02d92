// Mapped files: contents, hints, moving, and errors that say what is wrong.
#include "base/mapped_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"

namespace paceline::test {

namespace {

class Mapping : public testing::Test {
 protected:
  ~Mapping() override { std::filesystem::remove(path_); }
  void write(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }
  static std::string error_of(const std::string& path) {
    try {
      MappedFile file(path);
      return "no error";
    } catch (const Error& error) {
      return error.what();
    }
  }

  std::string path_ =
      testing::TempDir() + "/mapped_file_test_" + testing::UnitTest::GetInstance()->current_test_info()->name();
};

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST_F(Mapping, HasTheBytesOfTheFile) {
  const std::string bytes(100000, 'm');
  write(bytes);
  const MappedFile file(path_);
  EXPECT_EQ(text_of(file), bytes);
  EXPECT_EQ(file.path(), path_);
  EXPECT_TRUE(file.still_whole());
  file.will_need(file.bytes().subspan(5000, 50));
  file.done_with(file.bytes());
  file.will_need({});
  EXPECT_EQ(text_of(file), bytes);
}

TEST_F(Mapping, Moves) {
  write("hello");
  MappedFile first(path_);
  MappedFile second(std::move(first));
  EXPECT_EQ(text_of(second), "hello");
  first = std::move(second);
  EXPECT_EQ(text_of(first), "hello");
}

TEST_F(Mapping, SurvivesDeletionAndSeesShortening) {
  write(std::string(10000, 'x'));
  const MappedFile file(path_);
  std::filesystem::resize_file(path_, 100);
  EXPECT_FALSE(file.still_whole());
  write("y");
  const MappedFile deleted(path_);
  std::filesystem::remove(path_);
  EXPECT_EQ(text_of(deleted), "y");
  EXPECT_TRUE(deleted.still_whole());
}

TEST_F(Mapping, ErrorsNameTheReason) {
  EXPECT_EQ(error_of("/nonexistent/file"), "/nonexistent/file: cannot open: No such file or directory");
  EXPECT_THAT(error_of(testing::TempDir()), testing::EndsWith("is a folder, expected a file"));
  EXPECT_EQ(error_of("/dev/null"), "/dev/null: is not a regular file");
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(error_of(path_), path_ + ": is not a regular file") << "a pipe that nobody writes to";
  std::filesystem::remove(path_);
  write("");
  EXPECT_EQ(error_of(path_), path_ + ": is empty");
  write("secret");
  ::chmod(path_.c_str(), 0);
  const std::string want =
      ::geteuid() == 0 ? "no error" : path_ + ": cannot open: Permission denied";  // root reads everything
  EXPECT_EQ(error_of(path_), want);
}

}  // namespace

}  // namespace paceline::test

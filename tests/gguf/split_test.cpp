// Split files: parts are found by the first one's name, and everything that does not fit together is refused.
#include "gguf/split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "gguf/raw_gguf.h"
#include "gguf/reader.h"

namespace paceline::test {

namespace {

using testing::HasSubstr;
using R = RawGguf;

RawGguf part(int number, int count, const std::string& tensor) {
  RawGguf raw;
  raw.entries = {R::entry("split.no", 2, R::number<uint16_t>(static_cast<uint16_t>(number))),
                 R::entry("split.count", 2, R::number<uint16_t>(static_cast<uint16_t>(count)))};
  if (number == 0) {
    raw.entries.push_back(R::entry("split.tensors.count", 5, R::number<int32_t>(count)));
    raw.entries.push_back(R::entry("general.architecture", 8, R::text("qwen35")));
  }
  raw.tensors = {{tensor, {8}, 0, 0}};
  raw.data_bytes = 32;
  return raw;
}

class GgufSplit : public testing::Test {
 protected:
  void write(int number, const RawGguf& raw, int count = 3) {
    files_.emplace_back(split_path(prefix_, number, count), raw.bytes());
  }
  std::string first() const { return split_path(prefix_, 1, 3); }

  static std::string error_of(const std::string& path) {
    try {
      GgufFile::open(path);
      return "no error";
    } catch (const Error& error) {
      return error.what();
    }
  }

  std::string prefix_ =
      testing::TempDir() + "/split_test_" + testing::UnitTest::GetInstance()->current_test_info()->name();
  std::deque<TemporaryFile> files_;
};

TEST(GgufSplitName, IsReadAndWritten) {
  const auto name = parse_split_name("a/b-model-00002-of-00014.gguf");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->prefix, "a/b-model");
  EXPECT_EQ(name->number, 2);
  EXPECT_EQ(name->count, 14);
  EXPECT_EQ(split_path("a/b-model", 2, 14), "a/b-model-00002-of-00014.gguf");
  for (const char* wrong : {"m.gguf", "-00001-of-00002", "m-00003-of-00002.gguf", "m-00000-of-00002.gguf",
                            "m-0001-of-00002.gguf", "m-00001_of-00002.gguf", "m-0000a-of-00002.gguf", ""})
    EXPECT_FALSE(parse_split_name(wrong)) << wrong;
}

TEST_F(GgufSplit, PartsAreOneFile) {
  for (int i = 0; i < 3; ++i) write(i + 1, part(i, 3, cat("t", i)));
  const GgufFile file = GgufFile::open(first());
  EXPECT_EQ(file.tensors().size(), 3u);
  EXPECT_NE(file.find("t2"), nullptr);
  EXPECT_EQ(file.metadata().text("general.architecture"), "qwen35");
  EXPECT_EQ(file.file_bytes(), part(0, 3, "t0").bytes().size() + 2 * part(1, 3, "t1").bytes().size());
  for (const GgufTensor& tensor : file.tensors()) {
    file.will_need(tensor);
    file.done_with(tensor);
    EXPECT_EQ(tensor.bytes[31], std::byte{0});
  }
}

TEST_F(GgufSplit, MissingPartIsNamed) {
  write(1, part(0, 3, "a"));
  write(2, part(1, 3, "b"));
  EXPECT_EQ(error_of(first()), split_path(prefix_, 3, 3) + ": cannot open: No such file or directory");
}

TEST_F(GgufSplit, AnotherPartThanTheFirstIsNotTheModel) {
  for (int i = 0; i < 3; ++i) write(i + 1, part(i, 3, cat("t", i)));
  EXPECT_THAT(error_of(split_path(prefix_, 2, 3)), HasSubstr("is part 2 of 3; give the first part, " + first()));
}

TEST_F(GgufSplit, PartsOfAnotherSetAreRefused) {
  for (int i = 0; i < 3; ++i) write(i + 1, part(i, i == 2 ? 4 : 3, cat("t", i)));
  EXPECT_THAT(error_of(first()), HasSubstr("key split.count is 4 (u16), expected an integer from 3 to 3"));
}

TEST_F(GgufSplit, SwappedPartsAreRefused) {
  write(1, part(0, 3, "a"));
  write(2, part(2, 3, "b"));
  write(3, part(1, 3, "c"));
  EXPECT_THAT(error_of(first()), HasSubstr("key split.no is 2 (u16), expected an integer from 1 to 1"));
}

TEST_F(GgufSplit, TensorsMustAddUpAndDiffer) {
  for (int i = 0; i < 3; ++i) write(i + 1, part(i, 3, i == 2 ? "t0" : cat("t", i)));
  EXPECT_THAT(error_of(first()), HasSubstr("tensor t0 appears twice"));
  RawGguf extra = part(2, 3, "t2");
  extra.tensors.push_back({"t3", {8}, 0, 32});
  extra.data_bytes = 64;
  write(3, extra);
  EXPECT_THAT(error_of(first()), HasSubstr("the 3 parts have 4 tensors, expected 3 (split.tensors.count)"));
}

TEST_F(GgufSplit, ARenamedPartIsExplained) {
  const TemporaryFile renamed(prefix_ + ".gguf", part(0, 3, "a").bytes());
  EXPECT_THAT(error_of(renamed.path()),
              HasSubstr("is part of a split of 3 files, expected a name that ends in -00001-of-00003.gguf"));
}

TEST_F(GgufSplit, ThousandsOfPartsAreRefused) {
  write(1, part(0, 5000, "a"));
  EXPECT_THAT(error_of(first()), HasSubstr("key split.count is 5000"));
}

}  // namespace

}  // namespace paceline::test

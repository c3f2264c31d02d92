// GgufWriter: what it writes the reader reads back, and nothing half-written appears under the final name.
#include "gguf/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "gguf/reader.h"

namespace paceline::test {

namespace {

using testing::HasSubstr;

class GgufWriting : public testing::Test {
 protected:
  ~GgufWriting() override { std::filesystem::remove(path_); }
  bool exists() const { return std::filesystem::exists(path_); }
  bool part_exists() const { return std::filesystem::exists(path_ + ".part"); }

  template <class Call>
  static std::string error_of(const Call& call) {
    try {
      call();
      return "no error";
    } catch (const Error& error) {
      return error.what();
    }
  }

  std::string path_ =
      testing::TempDir() + "/writer_test_" + testing::UnitTest::GetInstance()->current_test_info()->name() + ".gguf";
};

std::vector<std::byte> pattern(size_t count, int seed) {
  std::vector<std::byte> bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(i * 7 + static_cast<size_t>(seed));
  return bytes;
}

TEST_F(GgufWriting, EverythingComesBack) {
  const std::vector<std::byte> first = pattern(3 * 34, 1), second = pattern(5 * 4, 2), third = pattern(3 << 20, 3);
  GgufWriter writer(path_);
  writer.add_text("text", "hello");
  writer.add_u32("count", 7);
  writer.add_f32("scale", 0.25f);
  writer.add_bool("flag", true);
  writer.add_text_array("texts", {"a", "", "ccc"});
  writer.add_i32_array("ints", {-1, 2, 3});
  writer.add("i8", {GgufType::I8, int64_t{-3}});
  writer.add("u64", {GgufType::U64, UINT64_MAX});
  writer.add("f64", {GgufType::F64, 0.1});
  writer.declare("a", QuantType::Q8_0, {32, 3});
  writer.declare("b", QuantType::F32, {5});
  writer.declare("c", QuantType::F16, {1024, 512, 3});
  std::vector<std::byte> all = first;
  all.insert(all.end(), second.begin(), second.end());
  all.insert(all.end(), third.begin(), third.end());
  writer.write(std::span(all).first(10));  // pieces need not follow the tensors' ends
  writer.write(std::span(all).subspan(10, 200));
  writer.write(std::span(all).subspan(210));
  EXPECT_FALSE(exists());
  writer.finish();
  EXPECT_TRUE(exists());
  EXPECT_FALSE(part_exists());

  const GgufFile file = GgufFile::open(path_);
  const Metadata& meta = file.metadata();
  EXPECT_EQ(file.version(), 3);
  EXPECT_EQ(meta.text("text"), "hello");
  EXPECT_EQ(meta.integer("count", 0, 100), 7);
  EXPECT_EQ(meta.number("scale"), 0.25);
  EXPECT_EQ(meta.find_bool("flag"), true);
  EXPECT_THAT(meta.text_array("texts"), testing::ElementsAre("a", "", "ccc"));
  EXPECT_THAT(meta.integer_array("ints"), testing::ElementsAre(-1, 2, 3));
  EXPECT_EQ(meta.integer("i8", -5, 5), -3);
  EXPECT_EQ(std::get<uint64_t>(meta.find("u64")->data), UINT64_MAX);
  EXPECT_EQ(meta.number("f64"), 0.1);
  const auto same = [&](const char* name, const std::vector<std::byte>& bytes) {
    const GgufTensor* tensor = file.find(name);
    return tensor != nullptr && std::equal(bytes.begin(), bytes.end(), tensor->bytes.begin(), tensor->bytes.end());
  };
  EXPECT_TRUE(same("a", first));
  EXPECT_TRUE(same("b", second));
  EXPECT_TRUE(same("c", third));
  EXPECT_EQ(file.find("c")->shape(), "1024x512x3");
}

TEST_F(GgufWriting, MetadataAloneIsAFile) {
  GgufWriter writer(path_);
  writer.add_text("general.architecture", "none");
  writer.finish();
  EXPECT_EQ(GgufFile::open(path_).tensors().size(), 0u);
}

TEST_F(GgufWriting, AnUnfinishedFileIsRemoved) {
  {
    GgufWriter writer(path_);
    writer.declare("a", QuantType::F32, {8});
    writer.declare("b", QuantType::F32, {8});
    writer.write(pattern(40, 1));
    EXPECT_TRUE(part_exists());
    EXPECT_THAT(error_of([&] { writer.finish(); }), HasSubstr("b has 8 of 32 bytes, 1 tensors are unfinished"));
  }
  EXPECT_FALSE(exists());
  EXPECT_FALSE(part_exists());
}

TEST_F(GgufWriting, MistakesAreNamed) {
  GgufWriter writer(path_);
  writer.add_u32("k", 1);
  EXPECT_THAT(error_of([&] { writer.add_u32("k", 2); }), HasSubstr("key k appears twice"));
  EXPECT_THAT(error_of([&] { writer.add_u32("general.alignment", 64); }), HasSubstr("cannot be anything but 32"));
  writer.add_u32("general.alignment", 32);
  EXPECT_THAT(error_of([&] { writer.declare("t", QuantType::Q4_K, {128}); }),
              HasSubstr("t has 128 columns, expected a multiple of 256"));
  EXPECT_THAT(error_of([&] { writer.declare("t", QuantType::F32, {}); }), HasSubstr("t has 0 dimensions"));
  EXPECT_THAT(error_of([&] { writer.declare("t", QuantType::F32, {4, 0}); }), HasSubstr("t has an extent below 1"));
  EXPECT_THAT(error_of([&] { writer.declare("", QuantType::F32, {4}); }), HasSubstr("has 0 bytes, expected 1 to 63"));
  writer.declare("t", QuantType::F32, {4});
  EXPECT_THAT(error_of([&] { writer.declare("t", QuantType::F32, {4}); }), HasSubstr("tensor t is declared twice"));
  EXPECT_THAT(error_of([&] { writer.write(pattern(17, 0)); }),
              HasSubstr("1 bytes more than the declared tensors have"));
}

TEST_F(GgufWriting, AFolderThatIsNotThereIsNamed) {
  EXPECT_THAT(error_of([] { GgufWriter("/nonexistent/x.gguf"); }),
              HasSubstr("/nonexistent/x.gguf.part: cannot create: No such file"));
}

// Nothing is written, and what is there stays what it is.
TEST_F(GgufWriting, OnlyRegularFilesAreReplaced) {
  std::filesystem::create_directory(path_);
  EXPECT_EQ(error_of([&] { GgufWriter writer(path_); }), path_ + ": is a folder, expected a file");
  EXPECT_FALSE(part_exists());
  std::filesystem::remove(path_);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(error_of([&] { GgufWriter writer(path_); }), path_ + ": is not a regular file");
  EXPECT_FALSE(part_exists());
  EXPECT_TRUE(std::filesystem::is_fifo(path_));
  std::filesystem::remove(path_);
  std::filesystem::create_symlink(path_, path_);
  EXPECT_THAT(error_of([&] { GgufWriter writer(path_); }), HasSubstr("cannot create: Too many levels"));
}

TEST_F(GgufWriting, LinksAreFollowed) {
  const std::string target = path_ + ".target", between = path_ + ".link";
  std::filesystem::create_symlink(std::filesystem::path(target).filename(),
                                  between);  // relative, and to what is not there
  std::filesystem::create_symlink(between, path_);
  for (const char* text : {"first", "replaced"}) {
    GgufWriter writer(path_);
    EXPECT_TRUE(std::filesystem::exists(target + ".part"));
    writer.add_text("text", text);
    writer.finish();
    EXPECT_TRUE(std::filesystem::is_symlink(path_) && std::filesystem::is_symlink(between));
    EXPECT_FALSE(std::filesystem::is_symlink(target));
    EXPECT_EQ(GgufFile::open(target).metadata().text("text"), text);
  }
  std::filesystem::remove(target);
  std::filesystem::remove(between);
}

}  // namespace

}  // namespace paceline::test

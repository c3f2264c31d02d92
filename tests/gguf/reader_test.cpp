// GgufFile: what it reads, and every fault of spec section 10.2 refused with a message that names it.
#include "gguf/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "gguf/raw_gguf.h"

namespace paceline::test {

namespace {

using testing::HasSubstr;

std::span<const std::byte> as_bytes(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

std::string error_of(const std::string& bytes) {
  try {
    GgufFile::from_bytes("x.gguf", as_bytes(bytes));
    return "no error";
  } catch (const Error& error) {
    return error.what();
  }
}

std::string error_of(const RawGguf& raw) { return error_of(raw.bytes()); }

RawGguf with_entry(const std::string& entry) {
  RawGguf raw;
  raw.entries = {entry};
  return raw;
}

RawGguf with_tensor(const RawTensor& tensor, size_t data_bytes = 4096) {
  RawGguf raw;
  raw.tensors = {tensor};
  raw.data_bytes = data_bytes;
  return raw;
}

using R = RawGguf;

TEST(GgufReader, ReadsEveryValueType) {
  RawGguf raw;
  raw.entries = {R::entry("u8", 0, R::number<uint8_t>(200)),
                 R::entry("i8", 1, R::number<int8_t>(-100)),
                 R::entry("u16", 2, R::number<uint16_t>(60000)),
                 R::entry("i16", 3, R::number<int16_t>(-30000)),
                 R::entry("u32", 4, R::number<uint32_t>(4000000000u)),
                 R::entry("i32", 5, R::number<int32_t>(-2000000000)),
                 R::entry("f32", 6, R::number(1.5f)),
                 R::entry("bool", 7, std::string(1, '\1')),
                 R::entry("text", 8, R::text("h\xc3\xa9llo")),
                 R::entry("texts", 9, R::array(8, 3, R::text("a") + R::text("") + R::text(std::string(40, 'b')))),
                 R::entry("u64", 10, R::number(UINT64_MAX)),
                 R::entry("i64", 11, R::number(INT64_MIN)),
                 R::entry("f64", 12, R::number(0.1)),
                 R::entry("i16s", 9, R::array(3, 2, R::number<int16_t>(-5) + R::number<int16_t>(7))),
                 R::entry("bools", 9, R::array(7, 2, std::string("\1\0", 2))),
                 R::entry("f32s", 9, R::array(6, 1, R::number(2.5f))),
                 R::entry("none", 9, R::array(4, 0, ""))};
  const std::string bytes = raw.bytes();
  const GgufFile file = GgufFile::from_bytes("x.gguf", as_bytes(bytes));
  const Metadata& meta = file.metadata();
  EXPECT_EQ(meta.entries().size(), 17u);
  EXPECT_EQ(meta.integer("u8", 0, 255), 200);
  EXPECT_EQ(meta.integer("i8", -128, 127), -100);
  EXPECT_EQ(meta.integer("u16", 0, 65535), 60000);
  EXPECT_EQ(meta.integer("i16", -40000, 0), -30000);
  EXPECT_EQ(meta.integer("u32", 0, INT64_MAX), 4000000000);
  EXPECT_EQ(meta.integer("i32", INT64_MIN, 0), -2000000000);
  EXPECT_EQ(meta.integer("i64", INT64_MIN, 0), INT64_MIN);
  EXPECT_EQ(meta.number("f32"), 1.5);
  EXPECT_EQ(meta.number("f64"), 0.1);
  EXPECT_EQ(meta.number("u64"), 18446744073709551616.0);
  EXPECT_EQ(meta.find_bool("bool"), true);
  EXPECT_EQ(meta.text("text"), "h\xc3\xa9llo");
  EXPECT_THAT(meta.text_array("texts"), testing::ElementsAre("a", "", std::string(40, 'b')));
  EXPECT_THAT(meta.integer_array("i16s"), testing::ElementsAre(-5, 7));
  EXPECT_THAT(meta.integer_array("bools"), testing::ElementsAre(1, 0));
  EXPECT_THAT(meta.number_array("f32s"), testing::ElementsAre(2.5));
  EXPECT_THAT(meta.number_array("i16s"), testing::ElementsAre(-5, 7));
  EXPECT_TRUE(meta.integer_array("none").empty());
}

TEST(GgufReader, GettersSayWhatIsWrong) {
  RawGguf raw;
  raw.entries = {R::entry("count", 4, R::number<uint32_t>(70)), R::entry("huge", 10, R::number(UINT64_MAX)),
                 R::entry("name", 8, R::text("n")), R::entry("nan", 6, R::number(std::nanf(""))),
                 R::entry("floats", 9, R::array(6, 1, R::number(INFINITY)))};
  const std::string bytes = raw.bytes();
  const GgufFile file = GgufFile::from_bytes("x.gguf", as_bytes(bytes));
  const Metadata& meta = file.metadata();
  const auto message = [](const auto& call) -> std::string {
    try {
      call();
      return "no error";
    } catch (const Error& error) {
      return error.what();
    }
  };
  EXPECT_EQ(message([&] { meta.integer("count", 0, 64); }),
            "x.gguf: key count is 70 (u32), expected an integer from 0 to 64");
  EXPECT_EQ(message([&] { meta.integer("gone", 0, 64); }), "x.gguf: key gone is missing");
  EXPECT_EQ(message([&] { meta.text("count"); }), "x.gguf: key count is 70 (u32), expected a string");
  EXPECT_EQ(message([&] { meta.text_array("floats"); }),
            "x.gguf: key floats is array of f32, expected an array of string");
  EXPECT_EQ(message([&] { meta.integer_array("name"); }), "x.gguf: key name is string, expected an array");
  EXPECT_THAT(message([&] { meta.integer_array("floats"); }), HasSubstr("expected an array of integers"));
  EXPECT_THAT(message([&] { meta.number_array("floats"); }), HasSubstr("element 0 is inf, expected a finite number"));
  EXPECT_THAT(message([&] { meta.integer("huge", 0, INT64_MAX); }),
              HasSubstr("key huge is 18446744073709551616 (u64)"));
  EXPECT_THAT(message([&] { meta.number("nan"); }), HasSubstr("expected a finite number"));
  EXPECT_THAT(message([&] { meta.find_bool("name"); }), HasSubstr("key name is string, expected a bool"));
  EXPECT_THAT(message([&] { meta.find_integer("name", 0, 1); }), HasSubstr("key name is string"));
  EXPECT_FALSE(meta.find_integer("gone", 0, 1));
  EXPECT_FALSE(meta.find_text("gone"));
  EXPECT_FALSE(meta.find_number("gone"));
  EXPECT_FALSE(meta.find_bool("gone"));
}

TEST(GgufReader, ReadsTensors) {
  for (const uint32_t version : {2u, 3u}) {
    RawGguf raw;
    raw.version = version;
    raw.alignment = 64;
    raw.entries = {R::entry("general.alignment", 4, R::number<uint32_t>(64))};
    raw.tensors = {{"b", {32, 3, 2}, 8, 0}, {"a", {5}, 0, 256}};
    raw.data_bytes = 256 + 20;
    std::string bytes = raw.bytes();
    const size_t data = bytes.size() - raw.data_bytes;
    bytes[data + 256] = '\x7f';
    const GgufFile file = GgufFile::from_bytes("x.gguf", as_bytes(bytes));
    EXPECT_EQ(file.version(), static_cast<int>(version));
    EXPECT_EQ(file.alignment(), 64u);
    EXPECT_EQ(file.file_bytes(), bytes.size());
    ASSERT_EQ(file.tensors().size(), 2u);
    const GgufTensor& b = file.tensors()[0];
    EXPECT_EQ(b.name, "b");
    EXPECT_EQ(b.type, QuantType::Q8_0);
    EXPECT_EQ(b.cols(), 32);
    EXPECT_EQ(b.rows(), 6);
    EXPECT_EQ(b.shape(), "32x3x2");
    EXPECT_EQ(b.bytes.size(), 6u * 34);
    ASSERT_NE(file.find("a"), nullptr);
    EXPECT_EQ(file.find("a")->bytes.data(), as_bytes(bytes).data() + data + 256);
    EXPECT_EQ(file.find("c"), nullptr);
  }
}

TEST(GgufReader, RefusesBadHeaders) {
  RawGguf raw;
  raw.magic = "GGML";
  EXPECT_THAT(error_of(raw), HasSubstr("x.gguf: is not a GGUF file"));
  raw = {};
  raw.version = 1;
  EXPECT_THAT(error_of(raw), HasSubstr("is GGUF version 1, expected 2 or 3"));
  raw.version = 0x03000000;
  EXPECT_THAT(error_of(raw), HasSubstr("big-endian"));
  raw.version = 4;
  EXPECT_THAT(error_of(raw), HasSubstr("is GGUF version 4, expected 2 or 3"));
  raw.version = 0;
  EXPECT_THAT(error_of(raw), HasSubstr("is GGUF version 0"));
  raw = {};
  raw.tensor_count = INT64_MAX;
  EXPECT_THAT(error_of(raw), HasSubstr("the tensor count at byte 8 is 9223372036854775807, more than the"));
  raw.tensor_count = -2;
  EXPECT_THAT(error_of(raw), HasSubstr("the tensor count at byte 8 is 18446744073709551614, more than the"));
  raw = {};
  raw.key_count = 5;
  EXPECT_THAT(error_of(raw), HasSubstr("the key count at byte 16 is 5, more than the"));
  for (size_t length = 0; length < 24; ++length)
    EXPECT_THAT(error_of(RawGguf().bytes().substr(0, length)), HasSubstr("ends inside")) << length;
}

TEST(GgufReader, RefusesTooManyThings) {
  RawGguf raw;
  raw.key_count = 20000;
  raw.data_bytes = 20000 * 13;
  EXPECT_THAT(error_of(raw), HasSubstr("the key count at byte 16 is 20000, expected at most 16384"));
  raw.key_count = 0;
  raw.tensor_count = 70000;
  raw.data_bytes = 70000 * 33;
  EXPECT_THAT(error_of(raw), HasSubstr("the tensor count at byte 8 is 70000, expected at most 65536"));
  raw = with_entry(R::entry("k", 9, R::array(8, 2000000, "")));
  raw.data_bytes = 2000000 * 8;
  EXPECT_THAT(error_of(raw), HasSubstr("the element count of key k at byte 41 is 2000000, expected at most 1048576"));
  raw = with_entry(R::entry("k", 9, R::array(0, 3000000, "")));
  raw.data_bytes = 3000000;
  EXPECT_THAT(error_of(raw), HasSubstr("is 3000000, expected at most 2097152"));
}

TEST(GgufReader, RefusesBadKeysAndValues) {
  EXPECT_THAT(error_of(with_entry(R::entry("", 4, R::number(1)))), HasSubstr("a key before byte 32 is empty"));
  EXPECT_THAT(error_of(with_entry(R::entry(std::string("a\0b", 3), 4, R::number(1)))), HasSubstr("is not clean UTF-8"));
  EXPECT_THAT(error_of(with_entry(R::entry("a\x1b[31m", 4, R::number(1)))), HasSubstr("is not clean UTF-8"));
  EXPECT_THAT(error_of(with_entry(R::entry("a\u009b31m", 4, R::number(1)))), HasSubstr("is not clean UTF-8"));
  EXPECT_THAT(error_of(with_entry(R::entry("a\xff", 4, R::number(1)))), HasSubstr("is not clean UTF-8"));
  EXPECT_THAT(error_of(with_entry(R::entry(std::string(2000, 'k'), 4, R::number(1)))),
              HasSubstr("has 2000 bytes, expected at most 1024"));
  EXPECT_THAT(error_of(with_entry(R::number(UINT64_MAX) + "key       ")), HasSubstr("ends inside a key"));
  EXPECT_THAT(error_of(with_entry(R::entry("k", 13, R::number(1)))), HasSubstr("key k has unknown value type 13"));
  EXPECT_THAT(error_of(with_entry(R::entry("k", 9, R::array(13, 1, R::number(1))))),
              HasSubstr("key k has unknown value type 13"));
  EXPECT_THAT(error_of(with_entry(R::entry("k", 7, "\2"))), HasSubstr("key k has bool byte 2, expected 0 or 1"));
  EXPECT_THAT(error_of(with_entry(R::entry("k", 9, R::array(7, 1, "\3")))), HasSubstr("key k has bool byte 3"));
  EXPECT_THAT(error_of(with_entry(R::entry("k", 9, R::array(9, 1, R::array(0, 0, ""))))),
              HasSubstr("key k is an array of arrays"));
  EXPECT_THAT(error_of(with_entry(R::entry("k", 8, R::number(INT64_MAX) + "abc"))), HasSubstr("ends inside k at byte"));
  EXPECT_THAT(error_of(with_entry(R::entry("k", 9, R::array(4, 1ull << 62, "")))), HasSubstr("more than the"));
  EXPECT_THAT(error_of(with_entry(R::entry("k", 9, R::array(8, 2, R::text("a") + R::number(uint64_t{500}))))),
              HasSubstr("ends inside k"));
  RawGguf twice;
  twice.entries = {R::entry("k", 4, R::number(1)), R::entry("k", 4, R::number(1))};
  EXPECT_EQ(error_of(twice), "x.gguf: key k appears twice");
}

TEST(GgufReader, RefusesBadAlignment) {
  for (const uint32_t alignment : {0u, 4u, 48u, 1u << 21}) {
    const std::string message = error_of(with_entry(R::entry("general.alignment", 4, R::number(alignment))));
    EXPECT_THAT(message, HasSubstr("key general.alignment is")) << alignment;
  }
  EXPECT_THAT(error_of(with_entry(R::entry("general.alignment", 8, R::text("32")))),
              HasSubstr("key general.alignment is string"));
}

TEST(GgufReader, RefusesBadTensors) {
  EXPECT_THAT(error_of(with_tensor({"", {32}, 0, 0})), HasSubstr("a tensor name before byte 32 is empty"));
  EXPECT_THAT(error_of(with_tensor({std::string(64, 't'), {32}, 0, 0})),
              HasSubstr("has 64 bytes, expected at most 63"));
  EXPECT_THAT(error_of(with_tensor({"t\x80", {32}, 0, 0})), HasSubstr("is not clean UTF-8"));
  EXPECT_THAT(error_of(with_tensor({"t", {}, 0, 0})), HasSubstr("t has 0 dimensions, expected 1 to 4"));
  EXPECT_THAT(error_of(with_tensor({"t", {1, 1, 1, 1, 1}, 0, 0})), HasSubstr("t has 5 dimensions"));
  EXPECT_THAT(error_of(with_tensor({"t", {32, 0}, 0, 0})), HasSubstr("t has extent 0 in dimension 1"));
  EXPECT_THAT(error_of(with_tensor({"t", {-32}, 0, 0})), HasSubstr("t has extent -32 in dimension 0"));
  EXPECT_THAT(error_of(with_tensor({"t", {1ll << 40}, 0, 0})), HasSubstr("t has extent 1099511627776"));
  EXPECT_THAT(error_of(with_tensor({"t", {1, 1 << 30, 1 << 30, 1 << 30}, 0, 0})), HasSubstr("t has too many rows"));
  EXPECT_THAT(error_of(with_tensor({"t", {48}, 8, 0})),
              HasSubstr("t has 48 columns, expected a multiple of 32 (Q8_0)"));
  EXPECT_THAT(error_of(with_tensor({"t", {32}, 12, 0})), HasSubstr("expected a multiple of 256 (Q4_K)"));
  EXPECT_THAT(error_of(with_tensor({"t", {32}, 0, 5})), HasSubstr("t lies at offset 5, expected a multiple of 32"));
  EXPECT_THAT(error_of(with_tensor({"t", {2048}, 0, 0})),
              HasSubstr("t needs bytes 0 to 0+8192 of the tensor data, which has 4096"));
  EXPECT_THAT(error_of(with_tensor({"t", {32}, 0, 1ull << 63})), HasSubstr("t needs bytes 9223372036854775808"));
  EXPECT_THAT(error_of(with_tensor({"t", {32}, 0, UINT64_MAX - 31})), HasSubstr("t needs bytes"));
  EXPECT_THAT(error_of(with_tensor({"t", {2147483647, 2147483647}, 0, 0})), HasSubstr("t needs bytes"));
  EXPECT_EQ(error_of(with_tensor({"t", {1024}, 0, 0})), "no error");
}

TEST(GgufReader, RefusesUnsupportedTypesByName) {
  for (const auto& [id, name] :
       {std::pair(16u, "IQ2_XXS"), std::pair(21u, "IQ3_S"), std::pair(40u, "NVFP4"), std::pair(9u, "Q8_1")})
    EXPECT_THAT(error_of(with_tensor({"blk.0.ffn_up.weight", {256}, id, 0})),
                HasSubstr(cat("x.gguf: blk.0.ffn_up.weight has type ", name,
                              ", which paceline does not compute with; use a plain Q4_K_M")));
  EXPECT_THAT(error_of(with_tensor({"t", {256}, 26, 0})),
              HasSubstr("t has type I32, expected a floating-point or quantized type"));
  for (const uint32_t id : {4u, 33u, 36u, 43u, 0xffffffffu})
    EXPECT_THAT(error_of(with_tensor({"t", {256}, id, 0})), HasSubstr(cat("t has unknown tensor type ", id)));
}

TEST(GgufReader, RefusesOverlapAndDuplicates) {
  RawGguf raw;
  raw.data_bytes = 4096;
  raw.tensors = {{"a", {64}, 0, 512}, {"b", {64}, 0, 0}, {"c", {9}, 0, 736}};
  EXPECT_EQ(error_of(raw), "x.gguf: c at offset 736 overlaps a, which ends at 768");
  raw.tensors[2].offset = 768;
  EXPECT_EQ(error_of(raw), "no error");
  raw.tensors[2].name = "a";
  EXPECT_EQ(error_of(raw), "x.gguf: tensor a appears twice");
}

TEST(GgufReader, RefusesEveryTruncation) {
  RawGguf raw;
  raw.entries = {R::entry("k", 8, R::text("value")), R::entry("l", 9, R::array(8, 2, R::text("a") + R::text("b")))};
  raw.tensors = {{"t", {8}, 0, 0}};
  raw.data_bytes = 32;
  const std::string bytes = raw.bytes();
  EXPECT_EQ(error_of(bytes), "no error");
  for (size_t length = 0; length < bytes.size(); ++length)
    EXPECT_NE(error_of(bytes.substr(0, length)), "no error") << length;
}

TEST(GgufReader, NamesFilesThatCannotBeOpened) {
  const auto message = [](const std::string& path) -> std::string {
    try {
      GgufFile::open(path);
      return "no error";
    } catch (const Error& error) {
      return error.what();
    }
  };
  EXPECT_THAT(message("/nonexistent/m.gguf"), HasSubstr("/nonexistent/m.gguf: cannot open: No such file or directory"));
  EXPECT_THAT(message(testing::TempDir()), HasSubstr("is a folder, expected a file"));
  EXPECT_THAT(message("/dev/null"), HasSubstr("is not a regular file"));
  const TemporaryFile empty(testing::TempDir() + "/reader_test_empty.gguf", "");
  EXPECT_THAT(message(empty.path()), HasSubstr("is empty"));
}

}  // namespace

}  // namespace paceline::test

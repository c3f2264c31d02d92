// UTF-8 against its definition: every code point, every two-byte start, and replacement by maximal subparts.
#include "base/utf8.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace paceline::test {

namespace {

TEST(Utf8, PrintableTextHasNoControls) {
  EXPECT_EQ(printable("a\x1b[31m\x7f\u009b\u202e漢\xff\n\t"), "a^[[31m^?\uFFFD\uFFFD漢\uFFFD^J^I");
  EXPECT_EQ(printable("a\nb\tc\r", "\n\t"), "a\nb\tc^M");
  EXPECT_EQ(printable(std::string_view("\0", 1), "\n"), "^@");
}

TEST(Utf8, EveryCodePointComesBack) {
  for (uint32_t value = 0; value <= 0x10FFFF; ++value) {
    if (value >= 0xD800 && value <= 0xDFFF) continue;
    std::string text;
    append_utf8(text, value);
    const CodePoint back = decode_utf8(text);
    ASSERT_TRUE(back.valid) << value;
    ASSERT_EQ(back.value, value);
    ASSERT_EQ(static_cast<size_t>(back.length), text.size());
    ASSERT_EQ(text.size(), value < 0x80 ? 1u : value < 0x800 ? 2u : value < 0x10000 ? 3u : 4u);
    ASSERT_TRUE(is_valid_utf8(text));
    // Every proper beginning is an incomplete tail, and the whole is none.
    ASSERT_EQ(incomplete_utf8_tail(text), 0u);
    for (size_t length = 1; length < text.size(); ++length) {
      ASSERT_EQ(incomplete_utf8_tail(cat("x", text.substr(0, length))), length) << value;
      ASSERT_FALSE(is_valid_utf8(text.substr(0, length)));
    }
  }
}

TEST(Utf8, RefusesWhatIsNotUtf8) {
  for (const char* wrong :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe", "\xff", "\xc3(", "\xe2\x28\xa1", "\xe2\x82(", "a\xc3"})
    EXPECT_FALSE(is_valid_utf8(wrong)) << wrong;
  EXPECT_TRUE(is_valid_utf8(""));
  EXPECT_TRUE(is_valid_utf8(std::string_view("a\0b", 3)));
}

// Strings of two bytes are valid exactly when both are ASCII or they are a two-byte code point.
TEST(Utf8, EveryPairOfBytes) {
  for (int a = 0; a < 256; ++a)
    for (int b = 0; b < 256; ++b) {
      const char text[] = {static_cast<char>(a), static_cast<char>(b)};
      const bool valid = (a < 0x80 && b < 0x80) || (a >= 0xC2 && a <= 0xDF && b >= 0x80 && b <= 0xBF);
      ASSERT_EQ(is_valid_utf8({text, 2}), valid) << a << " " << b;
    }
}

TEST(Utf8, TailsThatCannotBeCompletedAreNotIncomplete) {
  EXPECT_EQ(incomplete_utf8_tail(""), 0u);
  EXPECT_EQ(incomplete_utf8_tail("\x80"), 0u);
  EXPECT_EQ(incomplete_utf8_tail("\xff"), 0u);
  EXPECT_EQ(incomplete_utf8_tail("\xed\xa0"), 0u);
  EXPECT_EQ(incomplete_utf8_tail("\xe0\x80"), 0u);
  EXPECT_EQ(incomplete_utf8_tail("\xf0\x9f\x98"), 3u);
  EXPECT_EQ(incomplete_utf8_tail("\xf0\x9f\x98\x80"), 0u);
  EXPECT_EQ(incomplete_utf8_tail("\x80\x80\x80\x80"), 0u);
}

// The examples of the Unicode standard, section 3.9 (tables 3-8 to 3-11).
TEST(Utf8, ReplacesMaximalSubparts) {
  const std::string r = "\xef\xbf\xbd";
  EXPECT_EQ(replace_invalid_utf8("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"), r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(replace_invalid_utf8("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41"), r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(replace_invalid_utf8("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42"), r + r + r + r + r + "A" + r + r + "B");
  EXPECT_EQ(replace_invalid_utf8("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"), r + r + r + r + "A");
  EXPECT_EQ(replace_invalid_utf8("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
}

TEST(Utf8DeathTest, SurrogatesAreOurMistake) {
  std::string out;
  EXPECT_DEATH(append_utf8(out, 0xD800), "internal error");
}

}  // namespace

}  // namespace paceline::test

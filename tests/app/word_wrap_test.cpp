#include "app/terminal/word_wrap.h"

#include <gtest/gtest.h>

#include <sstream>

#include "app/terminal/text_width.h"

namespace paceline {
namespace {

std::string wrap(const std::string& text, int columns, size_t step = 1000) {
  WordWrap wrap{Style(false)};
  std::string out;
  for (size_t at = 0; at < text.size(); at += step)
    out += wrap.push(std::string_view(text).substr(at, step), Tone::Plain, columns);
  return out + wrap.finish(columns);
}

TEST(WordWrap, BreaksBetweenWords) {
  EXPECT_EQ(wrap("one two three four", 9), "one two\nthree\nfour");
  EXPECT_EQ(wrap("exactly ten", 7), "exactly\nten");
  EXPECT_EQ(wrap("a\n\n  b", 9), "a\n\n  b");
}

TEST(WordWrap, LongWordsComeAsTheyAre) { EXPECT_EQ(wrap("see abcdefghijklmnop now", 8), "see\nabcdefghijklmnop\nnow"); }

TEST(WordWrap, WideScriptsBreakAnywhere) { EXPECT_EQ(wrap("漢字漢字漢字", 5), "漢字\n漢字\n漢字"); }

TEST(WordWrap, CodeKeepsItsLines) {
  const std::string code = "text that is long\n```\nint a_long_line = 1 + 2 + 3;\n```\nmore text that is long";
  EXPECT_EQ(wrap(code, 12), "text that is\nlong\n```\nint a_long_line = 1 + 2 + 3;\n```\nmore text\nthat is long");
}

TEST(WordWrap, IsTheSameHoweverTheTextArrives) {
  const std::string text = "Größe: 漢字 and words, of e\u0301 many lengths\n\n```py\nx = 1\n```\nthe end of it all";
  for (const int columns : {5, 8, 13, 40})
    for (size_t step = 1; step < 9; ++step)
      EXPECT_EQ(wrap(text, columns, step), wrap(text, columns)) << columns << " " << step;
}

TEST(WordWrap, NoLineIsWiderThanTheScreen) {
  const std::string text = "It reads well, in narrow windows and in wide ones, with 漢字 or without them.";
  for (int columns = 8; columns < 60; ++columns) {
    std::istringstream lines(wrap(text, columns));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(text_width(line), columns) << line;
  }
}

TEST(WordWrap, ControlCharactersDoNotReachTheTerminal) {
  EXPECT_EQ(wrap("a\x1b[31mb\x07\r\x7f", 40), "a^[[31mb^G^M^?");
  EXPECT_EQ(wrap("cut \xf0\x9f", 40), "cut \uFFFD");
}

TEST(WordWrap, TonesSurroundTheirText) {
  WordWrap wrap{Style(true)};
  std::string out = wrap.push("plain ", Tone::Plain, 40);
  out += wrap.push("draft", Tone::Draft, 40);
  out += wrap.finish(40);
  EXPECT_EQ(out, "plain \x1b[0;32mdraft\x1b[0m");
}

}  // namespace
}  // namespace paceline

#include "app/terminal/edit_buffer.h"

#include <gtest/gtest.h>

#include <random>

#include "app/terminal/edit_layout.h"
#include "app/terminal/text_width.h"
#include "base/utf8.h"

namespace paceline {
namespace {

constexpr const char* kFamily = "👩‍👩‍👧";

EditBuffer buffer_of(const std::string& text, int lefts = 0) {
  EditBuffer buffer;
  buffer.set(text);
  for (int i = 0; i < lefts; ++i) buffer.left();
  return buffer;
}

TEST(TextWidth, CountsCellsOfWhatPeopleSee) {
  EXPECT_EQ(text_width("abc"), 3);
  EXPECT_EQ(text_width("漢字"), 4);
  EXPECT_EQ(text_width("e\u0301"), 1);
  EXPECT_EQ(text_width(kFamily), 2);
  EXPECT_EQ(text_width("\t"), kTabColumns);
  EXPECT_EQ(text_width("\x01"), 2);
  EXPECT_EQ(text_width("\xff"), 1);
}

TEST(TextWidth, NothingThatIsShownControlsTheTerminal) {
  EXPECT_EQ(shown_character("\x1b"), "^[");
  EXPECT_EQ(shown_character("\x7f"), "^?");
  EXPECT_EQ(shown_character("\u009b"), "\uFFFD");
  EXPECT_EQ(shown_character("\u202e"), "\uFFFD");
  EXPECT_EQ(shown_character("\xff"), "\uFFFD");
  EXPECT_EQ(shown_character(kFamily), kFamily);
}

TEST(TextWidth, CharactersAreGraphemeClusters) {
  const std::string text = std::string("a") + kFamily + "e\u0301\n🇩🇪🇫🇷";
  std::vector<size_t> borders = {0};
  while (borders.back() < text.size()) borders.push_back(next_character(text, borders.back()));
  EXPECT_EQ(borders.size(), 7u);
  for (size_t i = 1; i < borders.size(); ++i) EXPECT_EQ(previous_character(text, borders[i]), borders[i - 1]);
}

TEST(EditBuffer, ErasesWholeCharacters) {
  EditBuffer buffer = buffer_of(std::string("x") + kFamily + "y", 1);
  buffer.erase_left();
  EXPECT_EQ(buffer.text(), "xy");
  EXPECT_EQ(buffer.cursor(), 1u);
  buffer.erase_right();
  EXPECT_EQ(buffer.text(), "x");
  buffer.insert("e");
  buffer.insert("\u0301");
  buffer.left();
  EXPECT_EQ(buffer.cursor(), 1u) << "the accent belongs to its letter";
}

TEST(EditBuffer, MovesByWordAndLine) {
  EditBuffer buffer = buffer_of("one  two\nthree four");
  buffer.word_left();
  EXPECT_EQ(buffer.cursor(), 15u);
  buffer.line_start();
  EXPECT_EQ(buffer.cursor(), 9u);
  buffer.word_left();
  EXPECT_EQ(buffer.cursor(), 5u);
  buffer.word_right();
  EXPECT_EQ(buffer.cursor(), 8u);
  buffer.line_start();
  EXPECT_EQ(buffer.cursor(), 0u);
}

TEST(EditBuffer, UpAndDownKeepTheColumn) {
  EditBuffer buffer = buffer_of("漢字漢字\nabcdef\nx", 0);
  EXPECT_TRUE(buffer.up());
  EXPECT_EQ(buffer.text().substr(buffer.cursor()), "bcdef\nx");
  for (int i = 0; i < 2; ++i) buffer.right();
  EXPECT_TRUE(buffer.up());
  EXPECT_EQ(buffer.text().substr(0, buffer.cursor()), "漢") << "column 3 is inside a wide character";
  EXPECT_FALSE(buffer.up());
  EXPECT_TRUE(buffer.down());
  EXPECT_TRUE(buffer.down());
  EXPECT_FALSE(buffer.down());
}

TEST(EditBuffer, KillsAndYanks) {
  EditBuffer buffer = buffer_of("one two\nthree", 5);
  buffer.left();
  buffer.kill_word_left();
  EXPECT_EQ(buffer.text(), "one \nthree");
  buffer.yank();
  EXPECT_EQ(buffer.text(), "one two\nthree");
  buffer.line_start();
  buffer.kill_to_line_end();
  EXPECT_EQ(buffer.text(), "\nthree");
  buffer.kill_to_line_end();
  EXPECT_EQ(buffer.text(), "three");
  buffer.line_end();
  buffer.kill_to_line_start();
  EXPECT_EQ(buffer.text(), "");
}

// Whatever is done, the text stays UTF-8 and the cursor between two characters.
TEST(EditBuffer, RandomEditsKeepTheInvariant) {
  std::mt19937 random(7);
  const std::string pieces[] = {"a", " ", "\n", "漢", kFamily, "\u0301", "🇩", "\xf0\x9f", "\t"};
  EditBuffer buffer;
  for (int step = 0; step < 20000; ++step) {
    switch (random() % 12) {
      case 0: buffer.left(); break;
      case 1: buffer.right(); break;
      case 2: buffer.up(); break;
      case 3: buffer.down(); break;
      case 4: buffer.word_left(); break;
      case 5: buffer.erase_left(); break;
      case 6: buffer.erase_right(); break;
      case 7: buffer.kill_word_right(); break;
      case 8: buffer.yank(); break;
      default: buffer.insert(pieces[random() % 9]);
    }
    if (buffer.text().size() > 400) buffer.kill_to_line_start();
    ASSERT_TRUE(is_valid_utf8(buffer.text())) << step;
    size_t at = 0;
    while (at < buffer.cursor()) at = next_character(buffer.text(), at);
    ASSERT_EQ(at, buffer.cursor()) << step;
  }
}

TEST(EditLayout, WrapsAndPlacesTheCursor) {
  const EditLayout layout = lay_out("> ", ". ", "abcdef\ng漢", 8, 6);
  EXPECT_EQ(layout.rows, (std::vector<std::string>{"> abcd", "ef", ". g漢"}));
  EXPECT_EQ(layout.cursor_row, 2);
  EXPECT_EQ(layout.cursor_column, 3);
}

TEST(EditLayout, TheCursorBehindAFullRowHasARowOfItsOwn) {
  const EditLayout layout = lay_out("> ", ". ", "abcd", 4, 6);
  EXPECT_EQ(layout.rows, (std::vector<std::string>{"> abcd", ""}));
  EXPECT_EQ(layout.cursor_row, 1);
  EXPECT_EQ(layout.cursor_column, 0);
}

TEST(EditLayout, NoRowIsWiderThanTheScreenAndTheCursorIsOnIt) {
  const std::string text = std::string("漢字 words \t and more\n") + kFamily + "xyz\n\nlast";
  for (int columns = 4; columns < 30; ++columns)
    for (int height = 1; height < 8; ++height)
      for (size_t cursor = 0; cursor <= text.size();
           cursor = cursor == text.size() ? cursor + 1 : next_character(text, cursor)) {
        EditLayout layout = lay_out("> ", ". ", text, cursor, columns);
        layout.fit(height);
        ASSERT_LE(static_cast<int>(layout.rows.size()), height);
        for (const std::string& row : layout.rows) ASSERT_LE(text_width(row), columns) << row;
        ASSERT_GE(layout.cursor_row, 0);
        ASSERT_LT(layout.cursor_row, static_cast<int>(layout.rows.size()));
        ASSERT_LT(layout.cursor_column, columns);
      }
}

}  // namespace
}  // namespace paceline

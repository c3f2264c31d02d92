#pragma once
// The text being written and the place in it: editing by characters as people see them (text_width.h), by words and by lines. Knows no
// terminal. Invariant: the text is valid UTF-8 and the cursor stands between two grapheme clusters.
#include <string>
#include <string_view>

namespace paceline {

class EditBuffer {
 public:
  const std::string& text() const { return text_; }
  size_t cursor() const { return cursor_; }

  void set(std::string_view text);  // cursor at the end
  void insert(std::string_view text);

  void left();
  void right();
  void word_left();
  void word_right();
  void line_start();
  void line_end();
  // To the line above or below, at the same column; false when there is none.
  bool up();
  bool down();

  void erase_left();
  void erase_right();
  // What these remove, `yank` brings back.
  void kill_to_line_end();
  void kill_to_line_start();
  void kill_word_left();
  void kill_word_right();
  void yank() { insert(killed_); }

 private:
  size_t line_start_of(size_t at) const;
  size_t line_end_of(size_t at) const;
  size_t word_start_before(size_t at) const;
  size_t word_end_after(size_t at) const;
  void move_to_line(size_t start);
  void kill(size_t from, size_t to);
  void settle();
  // The first border between two characters at or after a place.
  size_t border_from(size_t at) const;

  std::string text_;
  size_t cursor_ = 0;
  std::string killed_;
};

}  // namespace paceline

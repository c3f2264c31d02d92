#pragma once
// Streamed text for a terminal: breaks lines between words at the screen's width, leaves fenced code (```) as it is, and lets no control
// character through. A word is held back until it ends, so that it need not be moved.
#include <string>
#include <string_view>

#include "app/terminal/style.h"

namespace paceline {

class WordWrap {
 public:
  explicit WordWrap(Style style) : style_(style) {}

  // What to write for `text`, in this tone, on a screen of so many columns.
  std::string push(std::string_view text, Tone tone, int columns);
  // What was held back, and the plain tone.
  std::string finish(int columns);
  // Column of the cursor once everything has been written.
  int column() const { return column_; }

 private:
  void put(std::string_view character, int columns);
  void put_newline();
  void release_word(int columns);

  Style style_;
  std::string out_;
  std::string pending_bytes_;  // the start of a code point
  std::string line_;  // start of the logical line, to find fences
  bool in_fence_ = false;
  int column_ = 0;
  std::string blanks_, word_;  // held back; word_ holds tone changes too
  int blanks_width_ = 0, word_width_ = 0;
  bool in_long_word_ = false;  // the start of word_ has been written
  Tone tone_ = Tone::Plain;
};

}  // namespace paceline

#include "app/terminal/word_wrap.h"

#include <utility>

#include "app/terminal/text_width.h"
#include "base/utf8.h"

namespace paceline {

namespace {

constexpr size_t kFenceLength = 3;
// Scripts without blanks break between any two characters; a wide character is one of theirs.
bool breaks_around(std::string_view character) { return character.size() > 1 && character_width(character) == 2; }

}  // namespace

std::string WordWrap::push(std::string_view text, Tone tone, int columns) {
  std::string whole = pending_bytes_;
  whole += text;
  const size_t tail = incomplete_utf8_tail(whole);
  pending_bytes_ = whole.substr(whole.size() - tail);
  whole.resize(whole.size() - tail);
  if (tone != tone_ && !whole.empty()) {
    word_ += style_.sequence(tone);
    tone_ = tone;
  }
  for (size_t at = 0; at < whole.size();) {
    const size_t end = next_character(whole, at);
    put(std::string_view(whole).substr(at, end - at), columns);
    at = end;
  }
  return std::exchange(out_, "");
}

void WordWrap::put(std::string_view character, int columns) {
  if (character == "\n" || character == "\r\n") {
    release_word(columns);
    return put_newline();
  }
  if (line_.size() < kFenceLength) line_ += character;
  const std::string shown = shown_character(character);
  const int width = character_width(character);
  if (character == " " || character == "\t") {
    release_word(columns);
    in_long_word_ = false;
    blanks_ += shown, blanks_width_ += width;
    return;
  }
  if (breaks_around(character)) {
    release_word(columns);
    in_long_word_ = false;
  }
  word_ += shown, word_width_ += width;
  if (breaks_around(character) || in_fence_) return release_word(columns);
  // A word wider than the screen, such as an address, comes as it is: the terminal breaks it, so that it can be copied whole.
  if (word_width_ < columns) return;
  release_word(columns);
  in_long_word_ = true;
}

// Blanks at the place of a break disappear in it.
void WordWrap::release_word(int columns) {
  if (word_width_ > 0 && !in_fence_ && !in_long_word_ && column_ > 0 &&
      column_ + blanks_width_ + word_width_ > columns) {
    out_ += '\n';
    column_ = blanks_width_ = 0;
    blanks_.clear();
  }
  if (word_width_ > 0 || in_fence_) {
    out_ += blanks_;
    column_ += blanks_width_ + word_width_;
    blanks_.clear(), blanks_width_ = 0;
  }
  out_ += word_;
  word_.clear(), word_width_ = 0;
  while (column_ > columns) column_ -= columns;
}

void WordWrap::put_newline() {
  if (line_ == "```") in_fence_ = !in_fence_;
  line_.clear();
  in_long_word_ = false;
  blanks_.clear(), blanks_width_ = 0;
  out_ += '\n';
  column_ = 0;
}

std::string WordWrap::finish(int columns) {
  if (!pending_bytes_.empty()) {
    pending_bytes_.clear();
    put("\uFFFD", columns);
  }
  release_word(columns);
  if (tone_ != Tone::Plain) out_ += style_.sequence(Tone::Plain);
  tone_ = Tone::Plain;
  return std::exchange(out_, "");
}

}  // namespace paceline

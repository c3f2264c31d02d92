#include "app/terminal/edit_buffer.h"

#include <algorithm>

#include "app/terminal/text_width.h"
#include "base/utf8.h"

namespace paceline {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t'; }

}  // namespace

void EditBuffer::set(std::string_view text) {
  text_ = replace_invalid_utf8(text);
  cursor_ = text_.size();
}

void EditBuffer::insert(std::string_view text) {
  text_.insert(cursor_, replace_invalid_utf8(text));
  cursor_ += replace_invalid_utf8(text).size();
  settle();
}

// A mark typed after its letter joins it: the cursor goes behind both.
void EditBuffer::settle() { cursor_ = border_from(cursor_); }

size_t EditBuffer::border_from(size_t at) const {
  size_t border = line_start_of(at);
  while (border < at) border = next_character(text_, border);
  return border;
}

void EditBuffer::left() { cursor_ = previous_character(text_, cursor_); }
void EditBuffer::right() { cursor_ = next_character(text_, cursor_); }
void EditBuffer::word_left() { cursor_ = word_start_before(cursor_); }
void EditBuffer::word_right() { cursor_ = word_end_after(cursor_); }
void EditBuffer::line_start() { cursor_ = line_start_of(cursor_); }
void EditBuffer::line_end() { cursor_ = line_end_of(cursor_); }

bool EditBuffer::up() {
  const size_t start = line_start_of(cursor_);
  if (start == 0) return false;
  move_to_line(line_start_of(start - 1));
  return true;
}

bool EditBuffer::down() {
  const size_t end = line_end_of(cursor_);
  if (end == text_.size()) return false;
  move_to_line(end + 1);
  return true;
}

void EditBuffer::move_to_line(size_t start) {
  const size_t own_start = line_start_of(cursor_);
  const int column = text_width(std::string_view(text_).substr(own_start, cursor_ - own_start));
  const size_t end = line_end_of(start);
  int at_column = 0;
  cursor_ = start;
  while (cursor_ < end) {
    const size_t next = next_character(text_, cursor_);
    at_column += character_width(std::string_view(text_).substr(cursor_, next - cursor_));
    if (at_column > column) break;
    cursor_ = next;
  }
}

void EditBuffer::erase_left() {
  const size_t from = previous_character(text_, cursor_);
  text_.erase(from, cursor_ - from);
  cursor_ = from;
  settle();
}

void EditBuffer::erase_right() {
  text_.erase(cursor_, next_character(text_, cursor_) - cursor_);
  settle();
}

// At the end of a line its line break goes, so that lines can be joined.
void EditBuffer::kill_to_line_end() {
  const size_t end = line_end_of(cursor_);
  kill(cursor_, end == cursor_ ? std::min(end + 1, text_.size()) : end);
}

void EditBuffer::kill_to_line_start() {
  const size_t start = line_start_of(cursor_);
  kill(start == cursor_ && start > 0 ? start - 1 : start, cursor_);
}

void EditBuffer::kill_word_left() { kill(word_start_before(cursor_), cursor_); }
void EditBuffer::kill_word_right() { kill(cursor_, word_end_after(cursor_)); }

void EditBuffer::kill(size_t from, size_t to) {
  if (from >= to) return;
  killed_ = text_.substr(from, to - from);
  text_.erase(from, to - from);
  cursor_ = from;
  settle();
}

size_t EditBuffer::line_start_of(size_t at) const {
  const size_t newline = at == 0 ? std::string::npos : text_.rfind('\n', at - 1);
  return newline == std::string::npos ? 0 : newline + 1;
}

size_t EditBuffer::line_end_of(size_t at) const { return std::min(text_.find('\n', at), text_.size()); }

size_t EditBuffer::word_start_before(size_t at) const {
  while (at > 0 && is_blank(text_[at - 1])) --at;
  while (at > 0 && !is_blank(text_[at - 1])) --at;
  return border_from(at);
}

size_t EditBuffer::word_end_after(size_t at) const {
  while (at < text_.size() && is_blank(text_[at])) ++at;
  while (at < text_.size() && !is_blank(text_[at])) ++at;
  return border_from(at);
}

}  // namespace paceline

#include "app/terminal/line_editor.h"

#include <algorithm>

#include "app/console.h"
#include "app/terminal/text_width.h"
#include "base/error.h"

namespace paceline {

namespace {

// How long the rest of an escape sequence may take.
constexpr int kSequenceTimeoutMs = 60;
constexpr const char *kPasteOn = "\x1b[?2004h", *kPasteOff = "\x1b[?2004l";

bool continues(const std::string& text, size_t cursor) { return cursor == text.size() && text.ends_with('\\'); }

}  // namespace

LineEditor::LineEditor(History& history, EditorStyle style,
                       std::function<std::vector<std::string>(const std::string&)> complete)
    : history_(history), style_(std::move(style)), complete_(std::move(complete)) {}

EditResult LineEditor::read() {
  if (!has_cursor_control()) return read_plain();
  buffer_.set("");
  history_at_ = history_.entries().size();
  begin_editing();
  const Step step = run();
  end_editing();
  if (step == Step::Accept) history_.add(buffer_.text());
  const auto kind = step == Step::Accept
                        ? EditResult::Kind::Text
                        : (step == Step::Interrupt ? EditResult::Kind::Interrupted : EditResult::Kind::End);
  return {kind, buffer_.text()};
}

// A terminal without cursor movements edits lines itself.
EditResult LineEditor::read_plain() {
  std::string text;
  write_output(style_.prompt);
  while (true) {
    if (wait_for_input(-1) == Wake::Interrupt) return {EditResult::Kind::Interrupted, text};
    const auto line = read_typed();
    if (!line) return {text.empty() ? EditResult::Kind::End : EditResult::Kind::Text, text};
    text += *line;
    if (!text.ends_with('\n')) continue;
    text.pop_back();
    if (!text.ends_with('\\')) return {EditResult::Kind::Text, text};
    text.back() = '\n';
    write_output(style_.continuation);
  }
}

LineEditor::Step LineEditor::run() {
  draw();
  while (true) {
    while (!keys_.empty()) {
      const Key key = keys_.front();
      keys_.erase(keys_.begin());
      const Step step = handle(key);
      if (step != Step::GoOn) return step;
    }
    draw();
    const Wake wake = wait_for_input(decoder_.is_waiting() ? kSequenceTimeoutMs : -1);
    if (wake == Wake::TimedOut) decoder_.forget_pending();
    if (wake == Wake::Interrupt) return Step::Interrupt;
    if (wake != Wake::Input) continue;
    const auto bytes = read_typed();
    if (!bytes) return Step::End;
    keys_ = decoder_.push(*bytes);
  }
}

LineEditor::Step LineEditor::handle(const Key& key) {
  switch (key.kind) {
    case KeyKind::Enter: return handle_enter();
    case KeyKind::Interrupt: return Step::Interrupt;
    case KeyKind::EndOfInput:
      if (buffer_.text().empty()) return Step::End;
      buffer_.erase_right();
      return Step::GoOn;
    case KeyKind::Up:
      if (!buffer_.up()) recall(-1);
      return Step::GoOn;
    case KeyKind::Down:
      if (!buffer_.down()) recall(1);
      return Step::GoOn;
    case KeyKind::Tab: complete(); return Step::GoOn;
    case KeyKind::ClearScreen:
      write_output("\x1b[H\x1b[2J");
      drawn_ = {};
      return Step::GoOn;
    case KeyKind::Suspend: suspend(); return Step::GoOn;
    default: edit(key); return Step::GoOn;
  }
}

LineEditor::Step LineEditor::handle_enter() {
  if (!continues(buffer_.text(), buffer_.cursor())) return Step::Accept;
  buffer_.erase_left();
  buffer_.insert("\n");
  return Step::GoOn;
}

void LineEditor::edit(const Key& key) {
  switch (key.kind) {
    case KeyKind::Text:
    case KeyKind::Paste: return buffer_.insert(key.text);
    case KeyKind::NewLine: return buffer_.insert("\n");
    case KeyKind::Backspace: return buffer_.erase_left();
    case KeyKind::Delete: return buffer_.erase_right();
    case KeyKind::Left: return buffer_.left();
    case KeyKind::Right: return buffer_.right();
    case KeyKind::WordLeft: return buffer_.word_left();
    case KeyKind::WordRight: return buffer_.word_right();
    case KeyKind::Home: return buffer_.line_start();
    case KeyKind::End: return buffer_.line_end();
    case KeyKind::KillToEnd: return buffer_.kill_to_line_end();
    case KeyKind::KillToStart: return buffer_.kill_to_line_start();
    case KeyKind::KillWordLeft: return buffer_.kill_word_left();
    case KeyKind::KillWordRight: return buffer_.kill_word_right();
    case KeyKind::Yank: return buffer_.yank();
    default: return;
  }
}

// As far as all candidates agree; in other places Tab is a character.
void LineEditor::complete() {
  const std::vector<std::string> candidates = complete_ ? complete_(buffer_.text()) : std::vector<std::string>();
  if (candidates.empty()) return buffer_.insert("\t");
  std::string common = candidates[0];
  for (const std::string& candidate : candidates)
    common.resize(static_cast<size_t>(
        std::mismatch(common.begin(), common.end(), candidate.begin(), candidate.end()).first - common.begin()));
  if (common.size() > buffer_.text().size()) buffer_.set(common);
}

void LineEditor::recall(int direction) {
  const std::vector<std::string>& entries = history_.entries();
  if (direction < 0 ? history_at_ == 0 : history_at_ >= entries.size()) return;
  if (history_at_ == entries.size()) draft_ = buffer_.text();
  history_at_ = direction < 0 ? history_at_ - 1 : history_at_ + 1;
  buffer_.set(history_at_ == entries.size() ? draft_ : entries[history_at_]);
}

// Rows from the first one drawn to the cursor's, on a screen that may have become narrower and wrapped them.
int LineEditor::rows_above_cursor(int columns) const {
  int count = 0;
  for (int row = 0; row < drawn_.cursor_row; ++row)
    count += std::max(1, (text_width(drawn_.rows[static_cast<size_t>(row)]) + columns - 1) / columns);
  return count + drawn_.cursor_column / columns;
}

// One write per drawing: up to the first row, all rows, back to the cursor.
void LineEditor::draw() {
  const TerminalSize size = terminal_size();
  EditLayout layout = lay_out(style_.prompt, style_.continuation, buffer_.text(), buffer_.cursor(), size.columns);
  layout.fit(size.rows);
  const int above = std::min(rows_above_cursor(size.columns), size.rows - 1);
  std::string out = above > 0 ? cat("\r\x1b[", above, "A\x1b[J") : "\r\x1b[J";
  for (size_t i = 0; i < layout.rows.size(); ++i) out += cat(i == 0 ? "" : "\r\n", layout.rows[i]);
  if (const int below = layout.rows_below_cursor(); below > 0) out += cat("\x1b[", below, "A");
  out += layout.cursor_column > 0 ? cat("\r\x1b[", layout.cursor_column, "C") : "\r";
  drawn_ = std::move(layout);
  write_output(out);
}

void LineEditor::begin_editing() {
  mode_.emplace(TerminalMode::Edit);
  drawn_ = {};
  paste_undo_.emplace(kPasteOff);
  write_output(kPasteOn);
}

// What follows begins below the text.
void LineEditor::leave_text() {
  draw();
  const int below = drawn_.rows_below_cursor();
  write_output(cat(below > 0 ? cat("\x1b[", below, "B") : "", "\r\n", kPasteOff));
  paste_undo_.reset();
}

void LineEditor::end_editing() {
  try {
    leave_text();
  } catch (const Error&) {
    drawn_ = {};  // the terminal is gone, and that is how we got here
  }
  mode_.reset();
}

void LineEditor::suspend() {
  leave_text();
  mode_.reset();
  suspend_program();
  begin_editing();
}

}  // namespace paceline

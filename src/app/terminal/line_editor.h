#pragma once
// Reads one input from the terminal: many lines, history, paste, resize. The text is drawn below the cursor's place at the start and drawn
// over with each change; sequences are limited to what every terminal since the VT100 knows, and bracketed paste.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/terminal/edit_buffer.h"
#include "app/terminal/edit_layout.h"
#include "app/terminal/history.h"
#include "app/terminal/key_decoder.h"
#include "app/terminal/terminal.h"

namespace paceline {

struct EditorStyle {
  std::string prompt = "> ", continuation = "  ";
};

struct EditResult {
  enum class Kind { Text, Interrupted, End };
  Kind kind = Kind::End;
  std::string text;
};

class LineEditor {
 public:
  // `complete`: the texts that a text may be continued to; used on Tab.
  LineEditor(History& history, EditorStyle style,
             std::function<std::vector<std::string>(const std::string&)> complete = {});

  // Ctrl-C gives Interrupted with what had been written, Ctrl-D on an empty text or the end of input gives End.
  EditResult read();

 private:
  enum class Step { GoOn, Accept, Interrupt, End };

  EditResult read_plain();
  Step run();
  Step handle(const Key& key);
  Step handle_enter();
  void edit(const Key& key);
  void complete();
  void recall(int direction);
  void draw();
  int rows_above_cursor(int columns) const;
  void begin_editing();
  void leave_text();
  void end_editing();
  void suspend();

  History& history_;
  EditorStyle style_;
  std::function<std::vector<std::string>(const std::string&)> complete_;

  EditBuffer buffer_;
  KeyDecoder decoder_;
  std::vector<Key> keys_;  // decoded, for this input or the next
  size_t history_at_ = 0;  // == entries: the text being written
  std::string draft_;  // that text while history is shown
  std::optional<TerminalGuard> mode_;
  std::optional<ScreenUndo> paste_undo_;  // while pasting in brackets is on
  EditLayout drawn_;  // what the screen shows, from the row of the first prompt on
};

}  // namespace paceline

#pragma once
// Shows an answer while it comes. On a terminal: wrapped between words, thinking dimmed, accepted drafts coloured if wished. Elsewhere:
// exactly the answer's bytes; thinking only when asked for, between its tags.
#include <string>

#include "app/chat/chat_settings.h"
#include "app/terminal/word_wrap.h"
#include "app/termination.h"
#include "text/output_parser.h"

namespace paceline {

class AnswerPrinter {
 public:
  AnswerPrinter(const ChatSettings& settings, bool on_terminal, Style style);

  // was_draft: of the token that completed this event.
  void show(const OutputEvent& event, bool was_draft);
  // Ends the last line.
  void finish();

 private:
  void begin(OutputEvent::Kind kind);
  void put(std::string_view text, Tone tone);
  // The line that stands between thinking and answer where there is no dimmed text.
  void put_mark(std::string_view plain, std::string_view terminal);

  const bool show_thinking_, show_drafts_, on_terminal_;
  const Style style_;
  WordWrap wrap_;
  const ScreenUndo tone_undo_;
  bool has_begun_ = false;
  OutputEvent::Kind kind_ = OutputEvent::Kind::Answer;
  bool at_line_start_ = true;
};

}  // namespace paceline

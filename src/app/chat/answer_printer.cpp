#include "app/chat/answer_printer.h"

#include "app/console.h"
#include "app/terminal/terminal.h"

namespace paceline {

AnswerPrinter::AnswerPrinter(const ChatSettings& settings, bool on_terminal, Style style)
    : show_thinking_(settings.show_thinking),
      show_drafts_(settings.show_drafts),
      on_terminal_(on_terminal),
      style_(style),
      wrap_(style),
      tone_undo_(style.has_colours() ? kPlainTone : nullptr) {}

void AnswerPrinter::show(const OutputEvent& event, bool was_draft) {
  using enum OutputEvent::Kind;
  if (event.kind == Reasoning && !show_thinking_) return;
  if (event.kind == Call || event.text.empty()) return;  // no tools were offered
  if (!has_begun_ || event.kind != kind_) begin(event.kind);
  const bool marks_draft = show_drafts_ && was_draft;
  put(event.text, marks_draft ? Tone::Draft : (event.kind == Reasoning ? Tone::Quiet : Tone::Plain));
}

void AnswerPrinter::begin(OutputEvent::Kind kind) {
  using enum OutputEvent::Kind;
  if (kind == Reasoning) put_mark("<think>\n", style_.has_colours() ? "" : "[thinking]\n");
  else if (has_begun_) {
    if (!at_line_start_) put("\n", Tone::Plain);
    put_mark("</think>\n\n", style_.has_colours() ? "\n" : "[answer]\n");
  }
  has_begun_ = true;
  kind_ = kind;
}

void AnswerPrinter::put_mark(std::string_view plain, std::string_view terminal) {
  put(on_terminal_ ? terminal : plain, Tone::Plain);
}

void AnswerPrinter::put(std::string_view text, Tone tone) {
  if (text.empty()) return;
  at_line_start_ = text.ends_with('\n');
  write_output(on_terminal_ ? wrap_.push(text, tone, terminal_size().columns) : std::string(text));
}

void AnswerPrinter::finish() {
  if (on_terminal_) write_output(wrap_.finish(terminal_size().columns));
  if (has_begun_ && !at_line_start_) write_output("\n");
}

}  // namespace paceline

#pragma once
// The conversation on a terminal: reads a line, obeys it or answers it, until the end of input. A failed or stopped turn leaves the
// conversation as it was, or with as much of the answer as there is.
#include <string>

#include "app/chat/answer_stats.h"
#include "app/chat/responder.h"
#include "app/chat/slash_command.h"
#include "app/terminal/line_editor.h"

namespace paceline {

class Chat {
 public:
  Chat(Responder& responder, Arguments arguments);
  // Returns at /quit or the end of input.
  void run();

 private:
  // false: the chat is over.
  bool handle_line(const std::string& line);
  bool obey(const SlashLine& line);
  void set(const std::string& rest);
  void set_system(const std::string& rest);
  void save(const std::string& name);
  void retry();
  void undo(const std::string& rest);
  void show_stats();
  // One turn; attempt > 0 gives another answer to the same question.
  void ask(const std::string& question, int attempt = 0);
  ChatAnswer respond(const std::string& question, const ChatSettings& settings);
  void settle(const std::string& question, ChatAnswer answer);
  void note_complaint() const;
  void note(const std::string& text) const;
  int columns() const;

  Responder& responder_;
  Arguments arguments_;
  ChatSettings settings_;
  Conversation conversation_;
  ChatTotals totals_;
  std::optional<Generation> last_;
  int attempts_ = 0;  // at the last question
  std::string saved_path_;
  SignalWatch signals_;
  History history_;
  LineEditor editor_;
};

}  // namespace paceline

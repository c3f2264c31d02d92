#pragma once
// The commands of a chat: a line "/name rest". One table, from which help, completion and suggestions are made.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace paceline {

enum class SlashCommand { Help, New, System, Set, Stats, Save, Undo, Retry, Quit };

struct SlashLine {
  SlashCommand command;
  std::string rest;  // trimmed
};

// Whether a line is meant as a command: "/name" or "/name rest". Of names that there are not only those of letters in lines that were typed,
// so that "/etc/hosts" and a long text are text. A line that begins with "//" is text, too (message_text).
bool is_slash_line(std::string_view line);
// Throws UsageError naming the nearest command when there is none of this name, and for words behind one that takes none.
SlashLine parse_slash_line(std::string_view line);
// The text of a line that is no command: one slash of "//" goes.
std::string message_text(std::string_view line);

// Every command that `text` can be the start of, written out.
std::vector<std::string> complete_slash_line(const std::string& text);
// What /help prints, at most so wide.
std::string slash_help(int columns);

}  // namespace paceline

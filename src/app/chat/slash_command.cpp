#include "app/chat/slash_command.h"

#include <algorithm>
#include <cctype>

#include "app/flags.h"
#include "app/terminal/text_width.h"
#include "base/error.h"

namespace paceline {

namespace {

struct SlashInfo {
  SlashCommand command;
  std::string_view names;  // the documented one first
  std::string_view rest;
  std::string_view help;
};

constexpr SlashInfo kSlashCommands[] = {
    {SlashCommand::Help, "/help /?", "", "this page"},
    {SlashCommand::New, "/new /clear", "", "forget the conversation"},
    {SlashCommand::Retry, "/retry", "", "another answer to the last question"},
    {SlashCommand::Undo, "/undo", "[N]", "take the last question and its answer back, or the last N"},
    {SlashCommand::System, "/system", "[TEXT]", "what the model is told first; - for nothing"},
    {SlashCommand::Set, "/set", "[NAME VALUE]", "change a setting, such as temp 0.5 or think off; alone: show them"},
    {SlashCommand::Stats, "/stats", "", "how fast the last answer and all of them came"},
    {SlashCommand::Save, "/save", "FILE", "write the conversation as JSON"},
    {SlashCommand::Quit, "/quit /exit /bye", "", "end (Ctrl-D too)"},
};

constexpr std::string_view kKeys[] = {
    "Alt-Enter or a line ending in \\ goes on in the next line; pasted lines stay together.",
    "Up and Down recall earlier inputs. Ctrl-C stops an answer, and the chat goes on.",
    "To begin a message with a slash, write two.",
};

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \n\t");
  if (first == std::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(" \n\t") - first + 1);
}

size_t name_end(std::string_view line) { return std::min(line.find_first_of(" \n\t"), line.size()); }

// Null: there is no command of this name, slash included.
const SlashInfo* find_command(std::string_view name) {
  for (const SlashInfo& info : kSlashCommands)
    for (const std::string_view known : split_words(info.names))
      if (known == name) return &info;
  return nullptr;
}

// `text` with line breaks between words, continuing at `indent`.
std::string wrapped(std::string_view text, int indent, int columns) {
  std::string out;
  int column = indent;
  for (const std::string_view word : split_words(text)) {
    const int width = text_width(word);
    if (column > indent && column + 1 + width > columns) {
      out += cat("\n", std::string(static_cast<size_t>(indent), ' '));
      column = indent;
    }
    if (column > indent) out += ' ', ++column;
    out += word, column += width;
  }
  return out;
}

}  // namespace

bool is_slash_line(std::string_view line) {
  if (!line.starts_with('/')) return false;
  constexpr size_t kTyped = 200;  // bytes of a line that somebody has mistyped the name of
  const std::string_view name = line.substr(0, name_end(line)), letters = name.substr(1);
  if (find_command(name)) return true;
  return !letters.empty() && line.size() <= kTyped &&
         std::all_of(letters.begin(), letters.end(), [](unsigned char c) { return std::isalpha(c); });
}

SlashLine parse_slash_line(std::string_view line) {
  const std::string_view name = line.substr(0, name_end(line));
  if (const SlashInfo* info = find_command(name)) {
    const std::string_view rest = trimmed(line.substr(name.size()));
    if (info->rest.empty() && !rest.empty())
      throw UsageError(
          cat(name, " stands alone, but there is more behind it; to begin a message with a slash, write two"));
    return {info->command, std::string(rest)};
  }
  std::vector<std::string_view> known;
  for (const SlashInfo& info : kSlashCommands)
    for (const std::string_view candidate : split_words(info.names)) known.push_back(candidate);
  const std::string nearest = nearest_name(name, known);
  throw UsageError(cat("there is no ", name,
                       nearest.empty() ? "; /help lists what there is" : cat("; did you mean ", nearest, "?")));
}

std::string message_text(std::string_view line) { return std::string(line.substr(line.starts_with("//") ? 1 : 0)); }

std::vector<std::string> complete_slash_line(const std::string& text) {
  std::vector<std::string> out;
  if (!text.starts_with('/')) return out;
  for (const SlashInfo& info : kSlashCommands) {
    const std::string name(split_words(info.names)[0]);
    if (name.starts_with(text)) out.push_back(info.rest.empty() ? name : name + " ");
  }
  return out;
}

std::string slash_help(int columns) {
  constexpr int kHelpColumn = 20, kNarrow = 56;
  std::string out;
  for (const SlashInfo& info : kSlashCommands) {
    std::string names = cat(split_words(info.names)[0], info.rest.empty() ? "" : " ", info.rest);
    if (columns < kNarrow) {
      out += cat(names, "\n  ", wrapped(info.help, 2, columns), "\n");
    } else {
      names.resize(std::max<size_t>(names.size(), kHelpColumn), ' ');
      out += cat(names, wrapped(info.help, kHelpColumn, columns), "\n");
    }
  }
  for (const std::string_view line : kKeys) out += cat("\n", wrapped(line, 0, columns));
  return out + "\n";
}

}  // namespace paceline

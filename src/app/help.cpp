// Help pages, made from the flag and command tables.
#include "app/commands.h"
#include "base/strings.h"

namespace paceline {

namespace {

constexpr size_t kNameColumn = 40, kWidth = 118;

std::string padded(std::string text, size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

// `text` in lines that begin at `indent`; the first follows what is already there.
std::string wrapped(std::string_view text, size_t indent) {
  std::string out;
  size_t column = indent;
  for (const std::string_view word : split_words(text)) {
    if (column > indent && column + 1 + word.size() > kWidth) {
      out += cat("\n", std::string(indent, ' '));
      column = indent;
    }
    if (column > indent) out += ' ', ++column;
    out += word;
    column += word.size();
  }
  return out;
}

std::string names_of(const Flag& flag) {
  std::string out;
  for (const std::string_view name : split_words(flag.names)) out += cat(out.empty() ? "" : ", ", name);
  if (flag.kind != FlagKind::Switch)
    out += cat(" ", flag.value_is_optional ? "[" : "", flag.value_name, flag.value_is_optional ? "]" : "");
  return out;
}

std::string flag_entry(const Flag& flag) {
  std::string about(flag.help);
  if (!flag.choices.empty() && flag.kind == FlagKind::Text) about += cat(" (", flag.choices, ")");
  if (!flag.default_text.empty()) about += cat(" [default: ", flag.default_text, "]");
  std::string names = cat("  ", names_of(flag));
  if (names.size() + 2 > kNameColumn) names += cat("\n", std::string(kNameColumn, ' '));
  return cat(padded(names, kNameColumn), wrapped(about, kNameColumn), "\n");
}

}  // namespace

std::string overview_page() {
  std::string page = "usage: paceline COMMAND [flags]\n\n";
  for (const CommandInfo& info : all_commands())
    page += cat("  ", padded(std::string(info.name), 12), info.summary, "\n");
  return page + "\npaceline COMMAND --help lists a command's flags, paceline help --all those of all commands.\n";
}

std::string command_page(const CommandInfo& info) {
  std::string page = cat("usage: paceline ", info.name, " ", info.usage, "\n  ", info.summary, "\n\n"), idle;
  for (const Flag* flag : flags_of(info.command)) (flag->changes_nothing ? idle : page) += flag_entry(*flag);
  if (!idle.empty()) page += cat("\naccepted from other tools, changes nothing here:\n", idle);
  return page;
}

}  // namespace paceline

#include "app/man_page.h"

#include "app/commands.h"
#include "base/strings.h"

namespace paceline {

namespace {

// Text that roff leaves as it is: no requests, no escapes, dashes that can be copied.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') out += "\\e";
    else if (c == '-') out += "\\-";
    else out += c;
  }
  if (out.starts_with('.') || out.starts_with('\'')) out.insert(0, "\\&");
  return out;
}

std::string flag_entry(const Flag& flag) {
  std::string names;
  for (const std::string_view name : split_words(flag.names))
    names += cat(names.empty() ? "" : ", ", "\\fB", roff(name), "\\fR");
  if (flag.kind != FlagKind::Switch)
    names += cat(" ", flag.value_is_optional ? "[" : "", "\\fI", roff(flag.value_name), "\\fR",
                 flag.value_is_optional ? "]" : "");
  std::string about(flag.help);
  if (!flag.choices.empty() && flag.kind == FlagKind::Text) about += cat(" (", flag.choices, ")");
  if (!flag.default_text.empty()) about += cat(" [default: ", flag.default_text, "]");
  return cat(".TP\n", names, "\n", roff(about), "\n");
}

std::string command_entry(const CommandInfo& info) {
  std::string out = cat(".SS \"", roff(info.name), "\"\n.B paceline ", roff(info.name), "\n", roff(info.usage),
                        "\n.PP\n", roff(info.summary), ".\n");
  std::string idle;
  for (const Flag* flag : flags_of(info.command)) {
    if (!flag->changes_nothing) out += flag_entry(*flag);
    else
      for (const std::string_view name : split_words(flag->names)) idle += cat(idle.empty() ? "" : ", ", roff(name));
  }
  if (!idle.empty()) out += cat(".PP\nAccepted from other tools, changes nothing here: ", idle, ".\n");
  return out;
}

constexpr const char* kFiles =
    ".SH FILES\n.TP\n\\fI~/.local/state/paceline/history\\fR\n"
    "What was entered in chats ($XDG_STATE_HOME/paceline/history when that is set).\n"
    ".TP\n\\fI~/.cache/huggingface/hub\\fR\nWhere \\-m looks for repositories (HF_HUB_CACHE, HF_HOME).\n"
    ".SH ENVIRONMENT\n.TP\nNO_COLOR\nNo colours.\n.TP\nHF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, XDG_STATE_HOME\nPlaces "
    "of files.\n"
    ".SH EXIT STATUS\n0: done. 1: something in the world is wrong, such as a file. 2: the command line is wrong.\n";

}  // namespace

std::string man_page(const std::string& version) {
  std::string out = cat(".TH PACELINE 1 \"\" \"paceline ", roff(version), "\" \"User Commands\"\n.SH NAME\n",
                        "paceline \\- run language models with lossless multi\\-token prediction\n",
                        ".SH SYNOPSIS\n.B paceline\n.I COMMAND\n[flags]\n.SH DESCRIPTION\n",
                        "Paceline runs open\\-weight language models on one\\(aqs own computer. A small head inside "
                        "the model file guesses the next few ",
                        "tokens, the model checks all of them in one pass, and the text that comes out is the text "
                        "that would have come out without it.\n",
                        ".PP\nOn a terminal, \\fBpaceline run\\fR is a chat; \\fB/help\\fR in it lists its commands. "
                        "With a prompt, or with input or ",
                        "output that is no terminal, it answers once.\n.SH COMMANDS\n");
  for (const CommandInfo& info : all_commands()) out += command_entry(info);
  return out + kFiles;
}

}  // namespace paceline

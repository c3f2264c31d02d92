#include "app/shell_completion.h"

#include "app/commands.h"
#include "base/error.h"

namespace paceline {

namespace {

constexpr std::string_view kShells = "bash zsh fish";

std::string joined_names(std::string_view between) {
  std::string out;
  for (const CommandInfo& info : all_commands()) out += cat(out.empty() ? "" : between, info.name);
  return out + cat(between, "help");
}

// Flags that do something.
std::vector<const Flag*> useful_flags(const CommandInfo& info) {
  std::vector<const Flag*> flags = flags_of(info.command);
  std::erase_if(flags, [](const Flag* flag) { return flag->changes_nothing; });
  return flags;
}

bool takes_file(const Flag& flag) {
  return flag.value_name.starts_with("FILE") || flag.value_name == "MODEL" || flag.value_name == "PREFIX";
}

// What can stand where a command's words stand that are no flags: files unless the command has a list.
std::string_view positional_words(const CommandInfo& info) { return info.command == kCompletion ? kShells : ""; }

// --- bash ---

std::string bash_values(const CommandInfo& info) {
  std::string out;
  for (const Flag* flag : useful_flags(info)) {
    if (flag->kind == FlagKind::Switch || flag->value_is_optional) continue;
    std::string pattern;
    for (const std::string_view name : split_words(flag->names))
      pattern += cat(pattern.empty() ? "" : "|", info.name, ":", name);
    const std::string action = takes_file(*flag) ? "_paceline_files" : cat("_paceline_words '", flag->choices, "'");
    out += cat("    ", pattern, ") ", action, "; return ;;\n");
  }
  return out;
}

std::string bash_flags(const CommandInfo& info) {
  std::string names = "--help";
  for (const Flag* flag : useful_flags(info)) names += cat(" ", flag->names);
  const std::string_view words = positional_words(info);
  return cat("    ", info.name, ") [[ $word == -* ]] && _paceline_words '", names, "' || ",
             words.empty() ? "_paceline_files" : cat("_paceline_words '", words, "'"), " ;;\n");
}

std::string bash_script() {
  std::string values, flags;
  for (const CommandInfo& info : all_commands()) values += bash_values(info), flags += bash_flags(info);
  return cat(
      "# bash completion for paceline; source it, or install it as share/bash-completion/completions/paceline\n"
      "_paceline_words() { COMPREPLY=($(compgen -W \"$1\" -- \"$word\")); }\n"
      "_paceline_files() { compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- \"$word\")); }\n"
      "_paceline() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
      "  local IFS=$' \\t\\n'\n"
      "  COMPREPLY=()\n"
      "  if ((COMP_CWORD == 1)); then _paceline_words '",
      joined_names(" "), " --help --version'; return; fi\n  case $command:$before in\n", values,
      "    help:help) _paceline_words '", joined_names(" "), " --all'; return ;;\n  esac\n  case $command in\n", flags,
      "  esac\n}\ncomplete -F _paceline paceline\n");
}

// --- zsh ---

// For a description within '...[...]' of _arguments.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') out += "'\\''";
    else if (c == '[' || c == ']' || c == ':') out += cat("\\", c);
    else out += c;
  }
  return out;
}

std::string zsh_flag(const Flag& flag) {
  std::string value;
  if (flag.kind != FlagKind::Switch) {
    const std::string action = takes_file(flag) ? "_files" : (flag.choices.empty() ? " " : cat("(", flag.choices, ")"));
    value = cat(flag.value_is_optional ? "::" : ":", zsh_text(flag.value_name), ":", action);
  }
  std::string out;
  for (const std::string_view name : split_words(flag.names))
    out += cat(" \\\n        '*", name, "[", zsh_text(flag.help), "]", value, "'");
  return out;
}

std::string zsh_script() {
  std::string commands, cases;
  for (const CommandInfo& info : all_commands()) {
    commands += cat("    '", info.name, ":", zsh_text(info.summary), "'\n");
    const std::string_view words = positional_words(info);
    cases +=
        cat("    ", info.name,
            ") _arguments -S '--help[list the flags]' '*:: :", words.empty() ? "_files" : cat("(", words, ")"), "'");
    for (const Flag* flag : useful_flags(info)) cases += zsh_flag(*flag);
    cases += " ;;\n";
  }
  return cat(
      "#compdef paceline\n# zsh completion for paceline; install it as _paceline in a folder of $fpath\n_paceline() "
      "{\n  local -a commands=(\n",
      commands,
      "    'help:commands and flags'\n  )\n  if ((CURRENT == 2)); then _describe command commands; return; fi\n"
      "  local command=$words[2]\n  shift words; ((CURRENT--))\n  case $command in\n",
      cases,
      "    help) _describe command commands ;;\n  esac\n}\n"
      "if [[ $funcstack[1] == _paceline ]]; then _paceline \"$@\"; else compdef _paceline paceline; fi\n");
}

// --- fish ---

std::string fish_text(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' || c == '\\' ? cat("\\", c) : std::string(1, c);
  return out + "'";
}

std::string fish_flag(const CommandInfo& info, const Flag& flag) {
  std::string out = cat("complete -c paceline -n '__fish_seen_subcommand_from ", info.name, "'");
  for (const std::string_view name : split_words(flag.names)) {
    const bool is_long = name.starts_with("--");
    out += is_long ? cat(" -l ", name.substr(2)) : cat(name.size() == 2 ? " -s " : " -o ", name.substr(1));
  }
  if (flag.kind != FlagKind::Switch && !flag.value_is_optional) out += takes_file(flag) ? " -r -F" : " -x";
  if (!flag.choices.empty()) out += cat(" -a ", fish_text(flag.choices));
  return out + cat(" -d ", fish_text(flag.help), "\n");
}

std::string fish_script() {
  std::string out = "# fish completion for paceline; install it as completions/paceline.fish\n";
  for (const CommandInfo& info : all_commands()) {
    out +=
        cat("complete -c paceline -n __fish_use_subcommand -f -a ", info.name, " -d ", fish_text(info.summary), "\n");
    if (const std::string_view words = positional_words(info); !words.empty())
      out +=
          cat("complete -c paceline -n '__fish_seen_subcommand_from ", info.name, "' -f -a ", fish_text(words), "\n");
    for (const Flag* flag : useful_flags(info)) out += fish_flag(info, *flag);
  }
  return out + cat("complete -c paceline -n __fish_use_subcommand -f -a help -d 'commands and flags'\n"
                   "complete -c paceline -n '__fish_seen_subcommand_from help' -f -a ",
                   fish_text(joined_names(" ")), "\n");
}

}  // namespace

std::string completion_script(std::string_view shell) {
  if (shell == "bash") return bash_script();
  if (shell == "zsh") return zsh_script();
  if (shell == "fish") return fish_script();
  const std::string nearest = nearest_name(shell, split_words(kShells));
  throw UsageError(cat("expected a shell (bash, zsh or fish), got \"", shell, "\"",
                       nearest.empty() ? "" : cat("; did you mean ", nearest, "?")));
}

}  // namespace paceline

#include "app/commands.h"

#include "app/console.h"
#include "base/error.h"

namespace paceline {

namespace {

constexpr CommandInfo kCommands[] = {
#ifndef PACELINE_CORE_ONLY
    {kRun, "run", "[MODEL] [PROMPT] [flags]", "chat with a model, or answer one prompt", kAnyNumber, run_run},
    {kServe, "serve", "[MODEL] [flags]",
     "answer programs over HTTP: the APIs of OpenAI, Anthropic, Ollama and llama.cpp", 1, run_serve},
#endif
    {kComplete, "complete", "-m MODEL [-p TEXT] [flags]", "continue a text; standard output is exactly the new text", 0,
     run_complete},
    {kInspect, "inspect", "MODEL [flags]", "what is in a model file and how much memory it needs", 1, run_inspect},
    {kTokenize, "tokenize", "-m MODEL [-p TEXT] [flags]", "a text's token ids and pieces", 0, run_tokenize},
    {kLogits, "logits", "MODEL --tokens FILE.json --out PREFIX [flags]",
     "raw logits of the trunk and the draft head, for tests", 1, run_logits},
    {kBench, "bench", "[-m MODEL] [flags]", "how fast a model runs here, plain and with drafts, as a table and a chart",
     0, run_bench},
    {kSynth, "synth", "--shape SHAPE --type TYPE -o FILE [flags]",
     "make a model without a download, for tests and measurements", 0, run_synth},
    {kCompletion, "completion", "bash|zsh|fish", "a script that completes this program's words in a shell", 1,
     run_completion},
    {kMan, "man", "", "the manual page, for man -l", 0, run_man},
};

constexpr const char* kVersion = "paceline " PACELINE_VERSION "\n";

const CommandInfo& find_command(const std::string& name) {
  std::vector<std::string_view> known = {"help"};
  for (const CommandInfo& info : kCommands) {
    if (info.name == name) return info;
    known.push_back(info.name);
  }
  const std::string nearest = nearest_name(name, known);
  throw UsageError(cat("unknown command ", name,
                       nearest.empty() ? "; paceline help lists them" : cat("; did you mean ", nearest, "?")));
}

bool asks_for_help(std::span<const std::string> words) {
  for (const std::string& word : words)
    if (word == "--help" || word == "-h") return true;
  return false;
}

int run_help(std::span<const std::string> words) {
  if (words.empty()) {
    write_output(overview_page());
  } else if (words[0] == "--all") {
    write_output(overview_page());
    for (const CommandInfo& info : kCommands) write_output(cat("\n", command_page(info)));
  } else {
    write_output(command_page(find_command(words[0])));
  }
  return 0;
}

}  // namespace

std::span<const CommandInfo> all_commands() { return kCommands; }

int run_paceline(std::span<const std::string> words) {
  if (words.empty()) {
    say_raw(overview_page());
    return 2;
  }
  const std::string& name = words[0];
  const std::span<const std::string> rest = words.subspan(1);
  if (name == "--version" || name == "version") {
    write_output(kVersion);
    return 0;
  }
  if (name == "help" || name == "--help" || name == "-h") return run_help(rest);
  const CommandInfo& info = find_command(name);
  if (asks_for_help(rest)) {
    write_output(command_page(info));
    return 0;
  }
  const Arguments arguments = Arguments::parse(info.command, rest, info.positional_limit);
  for (const std::string& note : arguments.notes()) say(note);
  return info.run(arguments);
}

}  // namespace paceline

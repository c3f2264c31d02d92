#pragma once
// The sub-commands: one row and one file each. A command gets checked arguments and returns the exit status; it throws Error for a wrong
// world (status 1) and UsageError for a wrong command line (status 2).
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/arguments.h"

namespace paceline {

inline constexpr int kAnyNumber = 1 << 20;  // of positionals

struct CommandInfo {
  Command command;
  std::string_view name;
  std::string_view usage;  // what follows the name
  std::string_view summary;  // one line
  int positional_limit;
  int (*run)(const Arguments& arguments);
};

std::span<const CommandInfo> all_commands();

int run_run(const Arguments& arguments);
int run_serve(const Arguments& arguments);
int run_complete(const Arguments& arguments);
int run_logits(const Arguments& arguments);
int run_inspect(const Arguments& arguments);
int run_tokenize(const Arguments& arguments);
int run_bench(const Arguments& arguments);
int run_synth(const Arguments& arguments);
int run_completion(const Arguments& arguments);
int run_man(const Arguments& arguments);

// The whole program but for signals and streams: `words` without the program's name.
int run_paceline(std::span<const std::string> words);

// Pages made from the tables.
std::string overview_page();
std::string command_page(const CommandInfo& info);

}  // namespace paceline

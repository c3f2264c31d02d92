#pragma once
// Completion scripts for shells, made from the flag and command tables: commands, flags, the words a flag takes, files.
#include <string>
#include <string_view>

namespace paceline {

// shell: bash, zsh or fish; throws UsageError for others.
std::string completion_script(std::string_view shell);

}  // namespace paceline

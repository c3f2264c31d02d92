#pragma once
// Names of the parts of a split GGUF: `<prefix>-%05d-of-%05d.gguf`, counted from 1 in the name, from 0 in split.no (spec section
// 10.3). Names come from the first file's name only, never from metadata.
#include <optional>
#include <string>

namespace paceline {

struct SplitName {
  std::string prefix;
  int number = 0;  // 1 to count
  int count = 0;
};

std::optional<SplitName> parse_split_name(const std::string& path);
std::string split_path(const std::string& prefix, int number, int count);

}  // namespace paceline

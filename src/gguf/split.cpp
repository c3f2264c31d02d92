#include "gguf/split.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "base/strings.h"

namespace paceline {

namespace {

constexpr size_t kDigits = 5;

std::string five_digits(int number) {
  const std::string digits = cat(number);
  return std::string(kDigits - std::min(kDigits, digits.size()), '0') + digits;
}

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::optional<SplitName> parse_split_name(const std::string& path) {
  static constexpr std::string_view kPattern = "-NNNNN-of-NNNNN.gguf";
  if (path.size() < kPattern.size()) return std::nullopt;
  const std::string_view tail = std::string_view(path).substr(path.size() - kPattern.size());
  const std::string_view number = tail.substr(1, kDigits), count = tail.substr(10, kDigits);
  if (tail[0] != '-' || tail.substr(6, 4) != "-of-" || tail.substr(15) != ".gguf") return std::nullopt;
  if (!all_digits(number) || !all_digits(count)) return std::nullopt;
  SplitName name{path.substr(0, path.size() - kPattern.size()), std::atoi(std::string(number).c_str()),
                 std::atoi(std::string(count).c_str())};
  if (name.number < 1 || name.number > name.count) return std::nullopt;
  return name;
}

std::string split_path(const std::string& prefix, int number, int count) {
  return cat(prefix, "-", five_digits(number), "-of-", five_digits(count), ".gguf");
}

}  // namespace paceline

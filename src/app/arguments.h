#pragma once
// A parsed command line. Parsing checks every value against its row of the flag table, so commands read values without checking; all
// complaints are UsageErrors that name the flag, what was expected and, for misspellings, the nearest flag or value.
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/flags.h"

namespace paceline {

class Arguments {
 public:
  // `words`: what follows the command's name. Words that are no flags: at most `positional_limit`; after "--" all are.
  static Arguments parse(Command command, std::span<const std::string> words, int positional_limit);

  // The same with more flags, as if `words` had stood at the end.
  Arguments changed(std::span<const std::string> words) const;

  Command command() const { return command_; }
  bool has(std::string_view id) const { return values_.contains(id); }
  // The last value given, if any. Asking for an id that the command does not have is our own mistake.
  std::optional<std::string> text(std::string_view id) const;
  std::optional<int64_t> integer(std::string_view id) const;  // none also for a word from `choices`
  std::vector<int> integers(std::string_view id) const;  // of a flag of several; empty where it is not given
  std::optional<double> number(std::string_view id) const;
  std::vector<std::string> texts(std::string_view id) const;
  // Like text(), for flags the command cannot do without.
  std::string required_text(std::string_view id) const;
  const std::vector<std::string>& positional() const { return positional_; }

  // One line for each flag given that changes nothing here.
  std::vector<std::string> notes() const;

 private:
  void take_words(std::span<const std::string> words, int positional_limit);
  const Flag* find_flag(std::string_view name) const;
  [[noreturn]] void reject_flag(std::string_view name) const;
  void take_value(const Flag& flag, std::string_view name, const std::string& value);
  const Flag& flag_of(std::string_view id) const;

  Command command_ = kComplete;
  struct Given {
    const Flag* flag;
    std::string name;  // as the user wrote it
    std::vector<std::string> values;
  };
  std::map<std::string, Given, std::less<>> values_;
  std::vector<std::string> positional_;
};

}  // namespace paceline

#pragma once
// The one table of the command line: every flag of every command is one row, and the parser, the help pages and the README check are
// made from it. Not a library, since core-only builds may use none.
#include <span>
#include <string_view>
#include <vector>

namespace paceline {

// Bits, so that a row can name several.
enum Command : unsigned {
  kComplete = 1,
  kLogits = 2,
  kInspect = 4,
  kTokenize = 8,
  kSynth = 16,
  kBench = 32,
  kRun = 64,
  kCompletion = 128,
  kMan = 256,
  kServe = 512,
  kRunsModel = kComplete | kLogits | kBench | kRun | kServe,
  kReadsModel = kRunsModel | kInspect | kTokenize,
};

enum class FlagKind {
  Switch,  // no value
  Text,  // any text, or one of `choices` when there are any
  Integer,  // lowest … highest, or one of the words in `choices`
  Integers,  // such numbers, separated by commas
  Number,
};

struct Flag {
  std::string_view id;  // what the code calls it
  unsigned commands;  // who takes it
  std::string_view names;  // "-n --predict": short first, the documented long name next, then other tools' names
  FlagKind kind = FlagKind::Switch;
  std::string_view value_name = "";
  double lowest = 0, highest = 0;
  std::string_view choices = "";  // "off auto"
  std::string_view default_text = "";  // for people
  std::string_view help = "";
  bool may_repeat = false;
  bool value_is_optional = false;  // taken only when the next argument is one of `choices`
  bool changes_nothing = false;  // accepted because other tools have it; said once
};

std::span<const Flag> all_flags();
std::vector<const Flag*> flags_of(Command command);
// "a b  c" -> {"a", "b", "c"}
std::vector<std::string_view> split_words(std::string_view text);

}  // namespace paceline

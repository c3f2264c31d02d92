#include "app/arguments.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "base/error.h"

namespace paceline {

namespace {

template <class Number>
std::optional<Number> parse_plain(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  return parse_plain<Number>(text);
}

// "128,512", without signs. None where a word is no such number: then `wrong` is that word.
std::optional<std::vector<int>> parse_list(std::string text, const Flag& flag, std::string& wrong) {
  std::replace(text.begin(), text.end(), ',', ' ');
  std::vector<int> out;
  for (const std::string_view word : split_words(text)) {
    const auto number = parse_plain<int>(word);
    wrong = word;
    if (!number || *number < flag.lowest || *number > flag.highest) return std::nullopt;
    out.push_back(*number);
  }
  return out;
}

// The choice that `value` spells, whatever its case; "" for none.
std::string_view find_choice(const Flag& flag, std::string_view value) {
  const auto same = [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); };
  for (const std::string_view choice : split_words(flag.choices))
    if (std::equal(choice.begin(), choice.end(), value.begin(), value.end(), same)) return choice;
  return "";
}

std::string joined(const std::vector<std::string_view>& words) {
  std::string out;
  for (const std::string_view word : words) out += cat(out.empty() ? "" : ", ", word);
  return out;
}

std::string expectation(const Flag& flag) {
  const std::vector<std::string_view> choices = split_words(flag.choices);
  std::string range;
  if (flag.kind == FlagKind::Integer)
    range = cat("a whole number from ", static_cast<int64_t>(flag.lowest), " to ", static_cast<int64_t>(flag.highest));
  if (flag.kind == FlagKind::Integers)
    range = cat("numbers from ", static_cast<int64_t>(flag.lowest), " to ", static_cast<int64_t>(flag.highest),
                " separated by commas");
  if (flag.kind == FlagKind::Number) range = cat("a number from ", flag.lowest, " to ", flag.highest);
  if (choices.empty()) return range;
  return range.empty() ? cat("one of ", joined(choices)) : cat(joined(choices), " or ", range);
}

// "": fine.
std::string fault(const Flag& flag, const std::string& value) {
  if (!find_choice(flag, value).empty()) return "";
  bool ok = false;
  std::string wrong = value;
  switch (flag.kind) {
    case FlagKind::Switch: return "takes no value";
    case FlagKind::Text: ok = flag.choices.empty(); break;
    case FlagKind::Integer: {
      const auto number = parse_number<int64_t>(value);
      ok = number && static_cast<double>(*number) >= flag.lowest && static_cast<double>(*number) <= flag.highest;
      break;
    }
    case FlagKind::Integers: ok = parse_list(value, flag, wrong).has_value(); break;
    case FlagKind::Number: {
      const auto number = parse_number<double>(value);
      ok = number && std::isfinite(*number) && *number >= flag.lowest && *number <= flag.highest;
      break;
    }
  }
  if (ok) return "";
  const std::string nearest = nearest_name(value, split_words(flag.choices));
  return cat("expected ", expectation(flag), ", got \"", wrong, "\"",
             nearest.empty() ? "" : cat("; did you mean ", nearest, "?"));
}

}  // namespace

Arguments Arguments::parse(Command command, std::span<const std::string> words, int positional_limit) {
  Arguments arguments;
  arguments.command_ = command;
  arguments.take_words(words, positional_limit);
  return arguments;
}

Arguments Arguments::changed(std::span<const std::string> words) const {
  Arguments arguments = *this;
  arguments.take_words(words, static_cast<int>(positional_.size()));
  return arguments;
}

void Arguments::take_words(std::span<const std::string> words, int positional_limit) {
  bool only_positional = false;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--" && !only_positional) {
      only_positional = true;
      continue;
    }
    if (only_positional || word.size() < 2 || word[0] != '-') {
      if (static_cast<int>(positional_.size()) == positional_limit)
        throw UsageError(cat("unexpected argument \"", word, "\""));
      positional_.push_back(word);
      continue;
    }
    const size_t equals = word.starts_with("--") ? word.find('=') : std::string::npos;
    const std::string name = word.substr(0, equals);
    const Flag* flag = find_flag(name);
    if (flag == nullptr) reject_flag(name);
    if (equals != std::string::npos) {
      take_value(*flag, name, word.substr(equals + 1));
    } else if (flag->kind == FlagKind::Switch) {
      values_[std::string(flag->id)] = {flag, name, {}};
    } else if (flag->value_is_optional && (i + 1 == words.size() || find_choice(*flag, words[i + 1]).empty())) {
      values_[std::string(flag->id)] = {flag, name, {}};
    } else if (i + 1 == words.size()) {
      throw UsageError(cat(name, " needs a value (", flag->value_name, ")"));
    } else {
      take_value(*flag, name, words[++i]);
    }
  }
}

const Flag* Arguments::find_flag(std::string_view name) const {
  for (const Flag* flag : flags_of(command_))
    for (const std::string_view known : split_words(flag->names))
      if (known == name) return flag;
  return nullptr;
}

void Arguments::reject_flag(std::string_view name) const {
  std::vector<std::string_view> known = {"--help"};
  for (const Flag* flag : flags_of(command_))
    for (const std::string_view other : split_words(flag->names)) known.push_back(other);
  const std::string nearest = nearest_name(name, known);
  throw UsageError(cat("unknown flag ", name,
                       nearest.empty() ? "; --help lists what there is" : cat("; did you mean ", nearest, "?")));
}

void Arguments::take_value(const Flag& flag, std::string_view name, const std::string& value) {
  const std::string problem = fault(flag, value);
  if (!problem.empty()) throw UsageError(cat(name, ": ", problem));
  Given& given = values_[std::string(flag.id)];
  given.flag = &flag;
  given.name = name;
  if (!flag.may_repeat) given.values.clear();
  const std::string_view choice = find_choice(flag, value);
  given.values.push_back(choice.empty() ? value : std::string(choice));
}

const Flag& Arguments::flag_of(std::string_view id) const {
  for (const Flag* flag : flags_of(command_))
    if (flag->id == id) return *flag;
  assertion_failed(cat("flag ", id, " belongs to this command").c_str(), __FILE__, __LINE__);
}

std::optional<std::string> Arguments::text(std::string_view id) const {
  flag_of(id);
  const auto found = values_.find(id);
  if (found == values_.end() || found->second.values.empty()) return std::nullopt;
  return found->second.values.back();
}

std::optional<int64_t> Arguments::integer(std::string_view id) const {
  const auto value = text(id);
  return value ? parse_number<int64_t>(*value) : std::nullopt;
}

std::vector<int> Arguments::integers(std::string_view id) const {
  std::string wrong;
  return parse_list(text(id).value_or(""), flag_of(id), wrong).value();
}

std::optional<double> Arguments::number(std::string_view id) const {
  const auto value = text(id);
  return value ? parse_number<double>(*value) : std::nullopt;
}

std::vector<std::string> Arguments::texts(std::string_view id) const {
  flag_of(id);
  const auto found = values_.find(id);
  return found == values_.end() ? std::vector<std::string>() : found->second.values;
}

std::string Arguments::required_text(std::string_view id) const {
  const auto value = text(id);
  const Flag& flag = flag_of(id);
  if (!value) throw UsageError(cat("missing ", split_words(flag.names)[0], " ", flag.value_name, ": ", flag.help));
  return *value;
}

std::vector<std::string> Arguments::notes() const {
  std::vector<std::string> notes;
  for (const auto& [id, given] : values_)
    if (given.flag->changes_nothing) notes.push_back(cat(given.name, " changes nothing here: ", given.flag->help));
  return notes;
}

}  // namespace paceline

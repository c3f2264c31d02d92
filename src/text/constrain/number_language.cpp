// Numbers within bounds, digit by digit.
#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "text/constrain/json_spelling.h"

namespace paceline::constrain {

namespace {

struct Magnitude {
  std::string digits;  // before the point, without leading zeros but for "0"
  std::string fraction;  // behind it, without trailing zeros
};

Magnitude split(std::string_view decimal) {
  if (decimal.starts_with('-')) decimal.remove_prefix(1);
  const size_t point = std::min(decimal.find('.'), decimal.size());
  Magnitude magnitude{std::string(decimal.substr(0, point)),
                      std::string(decimal.substr(std::min(point + 1, decimal.size())))};
  while (magnitude.digits.size() > 1 && magnitude.digits[0] == '0') magnitude.digits.erase(0, 1);
  while (magnitude.fraction.ends_with('0')) magnitude.fraction.pop_back();
  return magnitude;
}

bool is_zero(const Magnitude& magnitude) { return magnitude.digits == "0" && magnitude.fraction.empty(); }

std::string digits_from(char first, char last) {
  return first > last ? std::string() : cat('[', first, '-', last, ']');
}

const std::string kAnyFraction = "(?:\\.[0-9]+)?";

// Patterns of decimals without sign, one alternative per place where the number leaves the bound's digits.
class Comparison {
 public:
  Comparison(Magnitude bound, bool exclusive, bool upper)
      : bound_(std::move(bound)), exclusive_(exclusive), upper_(upper) {}

  std::string pattern() {
    const size_t length = bound_.digits.size();
    if (upper_ && length > 1) {
      add(length == 2 ? "[0-9]" : cat("(?:[0-9]|[1-9][0-9]{1,", length - 2, "})", ""), kAnyFraction);
    }
    if (!upper_) add(cat("[1-9][0-9]{", length, ",}"), kAnyFraction);
    for (size_t i = 0; i < length; ++i) {
      const char digit = bound_.digits[i];
      const char lowest = i == 0 && length > 1 ? '1' : '0';
      const std::string other =
          upper_ ? digits_from(lowest, static_cast<char>(digit - 1)) : digits_from(static_cast<char>(digit + 1), '9');
      if (!other.empty()) add(cat(bound_.digits.substr(0, i), other, "[0-9]{", length - i - 1, "}"), kAnyFraction);
    }
    if (upper_) add_fractions_below();
    else add_fractions_above();
    return alternatives_.empty() ? "^[^\\s\\S]$" : alternatives_;
  }

 private:
  void add(const std::string& digits, const std::string& rest) {
    if (!alternatives_.empty()) alternatives_ += '|';
    alternatives_ += cat('^', digits, rest, '$');
  }

  void add_fractions_below() {
    const std::string& fraction = bound_.fraction;
    if (!fraction.empty() || !exclusive_) add(bound_.digits, "");
    for (size_t i = 0; i < fraction.size(); ++i) {
      const std::string prefix = cat(bound_.digits, "\\.", fraction.substr(0, i));
      if (i > 0) add(prefix, "");
      const std::string lower = digits_from('0', static_cast<char>(fraction[i] - 1));
      if (!lower.empty()) add(prefix, cat(lower, "[0-9]*"));
    }
    if (exclusive_) return;
    add(cat(bound_.digits, "\\.", fraction), fraction.empty() ? "0+" : "0*");
  }

  void add_fractions_above() {
    const std::string& fraction = bound_.fraction;
    for (size_t i = 0; i < fraction.size(); ++i) {
      const std::string higher = digits_from(static_cast<char>(fraction[i] + 1), '9');
      if (!higher.empty()) add(cat(bound_.digits, "\\.", fraction.substr(0, i)), cat(higher, "[0-9]*"));
    }
    add(cat(bound_.digits, "\\.", fraction), "0*[1-9][0-9]*");
    if (exclusive_) return;
    if (fraction.empty()) add(bound_.digits, "");
    add(cat(bound_.digits, "\\.", fraction), fraction.empty() ? "0+" : "0*");
  }

  Magnitude bound_;
  bool exclusive_, upper_;
  std::string alternatives_;
};

TextLanguage compared(const NumberBound& bound, bool upper) {
  return TextLanguage::pattern(Comparison(split(bound.decimal), bound.exclusive, upper).pattern());
}

bool is_negative(const NumberBound& bound) { return bound.decimal.starts_with('-') && !is_zero(split(bound.decimal)); }

// The magnitudes of the range's numbers of one sign; `lower` and `upper` are the bounds as that sign sees them.
TextLanguage magnitudes(TextLanguage all, const std::optional<NumberBound>& lower,
                        const std::optional<NumberBound>& upper) {
  if (upper) {
    // Numbers on this side are at or beyond zero.
    if (is_negative(*upper)) return TextLanguage::pattern("^[^\\s\\S]$");
    all = all.both(compared(*upper, true));
  }
  if (lower && !is_negative(*lower)) all = all.both(compared(*lower, false));
  return all;
}

NumberBound negated(const NumberBound& bound) {
  NumberBound result = bound;
  if (bound.decimal.starts_with('-')) result.decimal.erase(0, 1);
  else result.decimal.insert(0, "-");
  return result;
}

TextLanguage with_minus(const TextLanguage& language) {
  TextLanguage::Loose loose;
  loose.states.resize(language.states().size() + 2);
  const uint32_t count = static_cast<uint32_t>(language.states().size());
  loose.start = count, loose.end = count + 1;
  loose.states[count].edges.push_back({CodePoints::one('-'), 0});
  for (uint32_t i = 0; i < count; ++i) {
    loose.states[i].edges = language.states()[i].edges;
    if (language.states()[i].final) loose.states[i].empty.push_back(loose.end);
  }
  return TextLanguage::determine(loose);
}

TextLanguage multiples(uint32_t divisor) {
  TextLanguage::Loose loose;
  loose.states.resize(divisor + 2);
  loose.start = divisor, loose.end = divisor + 1;
  loose.states[0].empty.push_back(loose.end);
  for (uint32_t digit = 0; digit < 10; ++digit) {
    const CodePoints point = CodePoints::one('0' + digit);
    loose.states[loose.start].edges.push_back({point, digit % divisor});
    for (uint32_t rest = 0; rest < divisor; ++rest)
      loose.states[rest].edges.push_back({point, (rest * 10 + digit) % divisor});
  }
  return TextLanguage::determine(loose);
}

}  // namespace

TextLanguage number_language(const NumberRange& range) {
  const std::string digits = cat("(?:0|[1-9][0-9]{0,", kMostDigits - 1, "})");
  const std::string fraction = cat("(?:\\.[0-9]{1,", kMostDigits, "})?");
  if (!range.minimum && !range.maximum && !range.integer) {
    return TextLanguage::pattern(cat("^-?", digits, fraction, "(?:[eE][+\\-]?[0-9]{1,2})?$"));
  }
  TextLanguage all = TextLanguage::pattern(cat('^', digits, range.integer ? std::string() : fraction, '$'));
  if (range.multiple_of > 1) all = all.both(multiples(range.multiple_of));
  const TextLanguage positive = magnitudes(all, range.minimum, range.maximum);
  std::optional<NumberBound> lower, upper;
  if (range.maximum) lower = negated(*range.maximum);
  if (range.minimum) upper = negated(*range.minimum);
  TextLanguage below = range.integer ? all.both(TextLanguage::pattern("[1-9]")) : all;  // no -0
  return positive.either(with_minus(magnitudes(std::move(below), lower, upper)));
}

std::string plain_decimal(double value) {
  char buffer[512];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed).ptr;
  const std::string text(buffer, end);
  const Magnitude magnitude = split(text);
  if (!std::isfinite(value) || magnitude.digits.size() > size_t{kMostDigits} ||
      magnitude.fraction.size() > size_t{kMostDigits}) {
    fail(value, " has more than ", kMostDigits, " digits before or after the point");
  }
  return text;
}

const TextLanguage& numbers_of_a_double() {
  static const TextLanguage language = [] {
    std::string pattern = "^-?(?:0(?:\\.0{0,19}[0-9]{1,15})?";
    for (int whole = 1; whole <= 15; ++whole) {
      pattern += cat("|[1-9][0-9]{", whole - 1, "}");
      if (whole < 15) pattern += cat("(?:\\.[0-9]{1,", 15 - whole, "})?");
    }
    return TextLanguage::pattern(pattern + ")$");
  }();
  return language;
}

std::optional<TextLanguage> format_language(std::string_view format) {
  const std::string date =
      "(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|"
      "1[0-9]|2[0-8]))"
      "|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)";
  const std::string time =
      "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?(?:Z|[+\\-](?:[01][0-9]|2[0-3]):[0-5][0-9])";
  const std::string byte = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
  const std::string ipv4 = cat(byte, "(?:\\.", byte, "){3}");
  const std::string atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\-]{1,30}";
  const TextLanguage year_zero = TextLanguage::pattern("^0000");
  if (format == "date") return TextLanguage::pattern(cat("^", date, "$")).without(year_zero);
  if (format == "time") return TextLanguage::pattern(cat("^", time, "$"));
  if (format == "date-time") return TextLanguage::pattern(cat("^", date, "T", time, "$")).without(year_zero);
  if (format == "uuid")
    return TextLanguage::pattern("^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$");
  if (format == "ipv4") return TextLanguage::pattern(cat("^", ipv4, "$"));
  if (format == "ipv6")
    return TextLanguage::pattern(
        "^(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}$|^::(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,5})?$");
  if (format == "hostname")
    return TextLanguage::pattern(
        "^[A-Za-z0-9]{1,40}(?:-[A-Za-z0-9]{1,10})?(?:\\.[A-Za-z][A-Za-z0-9]{0,30}(?:-[A-Za-z0-9]{1,10})?){0,3}$");
  if (format == "email")
    return TextLanguage::pattern(
        cat("^", atom, "(?:\\.", atom,
            ")?@[A-Za-z0-9]{1,40}(?:-[A-Za-z0-9]{1,10})?(?:\\.[A-Za-z][A-Za-z0-9]{0,30}){0,3}$"));
  if (format == "uri") {
    return TextLanguage::pattern(
        "^[A-Za-z][A-Za-z0-9+.\\-]*://[A-Za-z0-9](?:[A-Za-z0-9.\\-]*[A-Za-z0-9])?(?::[0-9]{1,5})?"
        "(?:/(?:[A-Za-z0-9\\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*)?(?:\\?(?:[A-Za-z0-9\\-._~!$&'()*+,;=:@/"
        "?]|%[0-9A-Fa-f]{2})*)?"
        "(?:#(?:[A-Za-z0-9\\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*)?$");
  }
  if (format == "duration") {
    return TextLanguage::pattern(
        "^P(?:[0-9]+W|[0-9]+D(?:T[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|T[0-9]+M(?:[0-9]+S)?|T[0-9]+S)?|[0-9]+M(?:[0-9]+D)?|["
        "0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?"
        "|T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S))$");
  }
  return std::nullopt;
}

}  // namespace paceline::constrain

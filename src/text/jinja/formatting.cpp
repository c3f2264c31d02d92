// The format mini-language: [[fill]align][sign][#][0][width][grouping][.precision][type].
#include "text/jinja/formatting.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/utf8.h"
#include "text/jinja/characters.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"

namespace paceline::jinja {

namespace {

bool is_align(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

size_t take_number(std::string_view spec, size_t& at) {
  size_t number = 0;
  for (; at < spec.size() && is_digit(spec[at]); ++at) {
    number = number * 10 + static_cast<size_t>(spec[at] - '0');
    if (number > size_t{1} << 40) raise("ValueError", "Too many decimal digits in format string");
  }
  return number;
}

std::string digits_in_base(Integer value, unsigned base, bool upper) {
  static constexpr char kLower[] = "0123456789abcdef", kUpper[] = "0123456789ABCDEF";
  // A pointer: g++ 12's bounds check goes wrong on an element of a conditional array.
  const char* const alphabet = upper ? kUpper : kLower;
  std::string digits;
  do {
    digits += alphabet[static_cast<size_t>(value % base)];
    value /= base;
  } while (value != 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

void group_digits(std::string& text, char separator, size_t every) {
  const size_t end = std::min(text.size(), text.find_first_not_of("0123456789abcdefABCDEF"));
  for (size_t at = end; at > every; at -= every) text.insert(at - every, 1, separator);
}

std::string sign_text(bool negative, char sign) { return negative ? "-" : sign == '-' ? "" : std::string(1, sign); }

std::string print_float(Budget& budget, double value, std::chars_format form, size_t precision) {
  budget.reserve(precision + 400);
  std::string text(precision + 400, '\0');
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, form, static_cast<int>(precision)).ptr;
  text.resize(static_cast<size_t>(end - text.data()));
  return text;
}

std::string float_digits(Budget& budget, double value, const FormatSpec& spec) {
  const size_t precision = spec.precision.value_or(6);
  if (precision > size_t{1} << 24) raise("ValueError", "precision too big");
  switch (spec.type) {
    case 'e':
    case 'E': return print_float(budget, value, std::chars_format::scientific, precision);
    case 'f':
    case 'F': return print_float(budget, value, std::chars_format::fixed, precision);
    case '%': return print_float(budget, value * 100, std::chars_format::fixed, precision) + "%";
    case 'g':
    case 'G':
    case 'n': return print_float(budget, value, std::chars_format::general, std::max<size_t>(precision, 1));
    case '\0': break;
    default: raise("ValueError", "Unknown format code '", spec.type, "' for object of type 'float'");
  }
  if (!spec.precision) return float_text(value);
  std::string text = print_float(budget, value, std::chars_format::general, std::max<size_t>(precision, 1));
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

}  // namespace

FormatSpec parse_format_spec(std::string_view text) {
  FormatSpec spec;
  size_t at = 0;
  if (!text.empty()) {
    size_t behind = 0;
    next_code_point(text, behind);
    if (behind < text.size() && is_align(text[behind])) {
      spec.fill = std::string(text.substr(0, behind));
      spec.align = text[behind];
      at = behind + 1;
    } else if (is_align(text[0])) {
      spec.align = text[0];
      at = 1;
    }
  }
  const auto take = [&](std::string_view one_of) {
    return at < text.size() && one_of.find(text[at]) != std::string_view::npos ? text[at++] : '\0';
  };
  if (const char sign = take("+- ")) spec.sign = sign;
  spec.alternate = take("#") != '\0';
  if (take("0")) {
    spec.zero = true;
    if (spec.align == '\0') spec.fill.assign(1, '0'), spec.align = '=';
  }
  spec.width = take_number(text, at);
  spec.grouping = take(",_");
  if (take(".")) {
    if (at >= text.size() || !is_digit(text[at])) raise("ValueError", "Format specifier missing precision");
    spec.precision = take_number(text, at);
  }
  if (at < text.size()) spec.type = text[at++];
  if (at != text.size()) raise("ValueError", "Invalid format specifier");
  return spec;
}

std::string pad(Budget& budget, std::string text, const FormatSpec& spec, char default_align, size_t sign_length) {
  const size_t size = code_point_count(text);
  if (size >= spec.width) return text;
  const size_t missing = spec.width - size;
  budget.reserve(missing * spec.fill.size() + text.size());
  const auto filling = [&](size_t count) {
    std::string out;
    for (size_t i = 0; i < count; ++i) out += spec.fill;
    return out;
  };
  switch (spec.align == '\0' ? default_align : spec.align) {
    case '<': return text + filling(missing);
    case '^': return filling(missing / 2) + text + filling(missing - missing / 2);
    case '=': return text.substr(0, sign_length) + filling(missing) + text.substr(sign_length);
    default: return filling(missing) + text;
  }
}

std::string format_integer(Budget& budget, Integer value, const FormatSpec& spec) {
  if (spec.type != '\0' && std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos) {
    return format_float(budget, static_cast<double>(value), spec);
  }
  if (spec.precision) raise("ValueError", "Precision not allowed in integer format specifier");
  if (spec.type == 'c') {
    if (value < 0 || value >= 0x110000 || (value >= 0xD800 && value < 0xE000)) {
      raise("OverflowError", "%c arg not in range(0x110000)");
    }
    std::string text;
    append_utf8(text, static_cast<uint32_t>(value));
    return pad(budget, text, spec, '<');
  }
  std::string digits, prefix;
  const std::string decimal = integer_text(value);
  const Integer magnitude = value < 0 && decimal.size() < 39 ? -value : value;
  if (spec.type == '\0' || spec.type == 'd' || spec.type == 'n') {
    digits = decimal.substr(value < 0 ? 1 : 0);
    if (spec.grouping) group_digits(digits, spec.grouping, 3);
  } else {
    const char type = static_cast<char>(spec.type | 0x20);
    const unsigned base = type == 'b' ? 2 : type == 'o' ? 8 : type == 'x' ? 16 : 0;
    if (base == 0) raise("ValueError", "Unknown format code '", spec.type, "' for object of type 'int'");
    if (magnitude < 0) raise("OverflowError", "integer too large to format");
    digits = digits_in_base(magnitude, base, spec.type == 'X');
    if (spec.alternate) prefix = std::string("0") + spec.type;
    if (spec.grouping) group_digits(digits, spec.grouping, 4);
  }
  const std::string sign = sign_text(value < 0, spec.sign) + prefix;
  return pad(budget, sign + digits, spec, '>', sign.size());
}

std::string format_float(Budget& budget, double value, const FormatSpec& spec) {
  const bool negative = std::signbit(value) && !std::isnan(value);
  std::string digits = std::isnan(value)   ? "nan"
                       : std::isinf(value) ? "inf"
                                           : float_digits(budget, std::fabs(value), spec);
  if (!std::isfinite(value) && spec.type == '%') digits += '%';
  if (spec.type == 'E' || spec.type == 'F' || spec.type == 'G') digits = to_upper(digits);
  if (spec.grouping && std::isfinite(value)) group_digits(digits, spec.grouping, 3);
  const std::string sign = sign_text(negative, spec.sign);
  return pad(budget, sign + digits, spec, '>', sign.size());
}

std::string format_value(Budget& budget, const Value& value, std::string_view text) {
  if (text.empty()) return to_text(budget, value);
  if (!value.is(Kind::Text) && !value.is_number()) {
    if (value.is(Kind::Undefined)) raise_undefined(value);
    raise("TypeError", "unsupported format string passed to ", type_name(value), ".__format__");
  }
  const FormatSpec spec = parse_format_spec(text);
  if (value.is_integral()) return format_integer(budget, value.integer(), spec);
  if (value.is(Kind::Float)) return format_float(budget, value.number(), spec);
  if (spec.type != '\0' && spec.type != 's')
    raise("ValueError", "Unknown format code '", spec.type, "' for object of type 'str'");
  if (spec.align == '=' && !spec.zero) raise("ValueError", "'=' alignment not allowed in string format specifier");
  const std::string& whole = value.text();
  FormatSpec padding = spec;
  if (spec.zero && spec.align == '=') padding.align = '<';
  return pad(budget, spec.precision ? whole.substr(0, byte_of(whole, *spec.precision)) : whole, padding, '<');
}

}  // namespace paceline::jinja

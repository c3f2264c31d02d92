// Filters on numbers.
#include <charconv>
#include <cmath>

#include "text/jinja/arguments.h"
#include "text/jinja/characters.h"
#include "text/jinja/filters.h"
#include "text/jinja/formatting.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"

namespace paceline::jinja {

namespace {

std::string without_underscores(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool between = text[i] == '_' && i > 0 && i + 1 < text.size() &&
                         std::isalnum(static_cast<uint8_t>(text[i - 1])) &&
                         std::isalnum(static_cast<uint8_t>(text[i + 1]));
    if (!between) out += text[i];
  }
  return out;
}

// int(text, base) of Python; nothing where it raises ValueError.
std::optional<Integer> parse_integer(std::string_view text, Integer base) {
  std::string digits = without_underscores(strip_left(strip_right(text)));
  bool negative = false;
  if (!digits.empty() && (digits[0] == '+' || digits[0] == '-')) {
    negative = digits[0] == '-';
    digits.erase(0, 1);
  }
  if (base != 10 && digits.size() > 2 && digits[0] == '0') {
    const char letter = static_cast<char>(digits[1] | 0x20);
    const Integer named = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
    if (named != 0 && (base == named || base == 0)) {
      digits.erase(0, 2);
      base = named;
    }
  }
  if (base == 0) base = 10;
  if (digits.empty() || base < 2 || base > 36) return std::nullopt;
  Integer value = 0;
  for (const char c : digits) {
    const int digit = c >= '0' && c <= '9'                    ? c - '0'
                      : std::isalpha(static_cast<uint8_t>(c)) ? (c | 0x20) - 'a' + 10
                                                              : 99;
    if (digit >= base) return std::nullopt;
    if (__builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, Integer{digit}, &value)) {
      raise("OverflowError", "'", digits, "' needs more than 128 bits");
    }
  }
  return negative ? -value : value;
}

std::optional<double> parse_float(std::string_view text) {
  std::string digits = to_lower(without_underscores(strip_left(strip_right(text))));
  if (digits.starts_with('+')) digits.erase(0, 1);
  if (digits.starts_with('+') || digits.starts_with("-+")) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (end != digits.data() + digits.size() || digits.empty()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    const bool small = digits.find("e-") != std::string::npos;
    return (digits[0] == '-' ? -1 : 1) * (small ? 0.0 : HUGE_VAL);
  }
  if (error != std::errc()) return std::nullopt;
  return value;
}

std::optional<double> as_float(const Value& value) {
  if (value.is(Kind::Undefined)) raise_undefined(value);
  if (value.is_number()) return value.number();
  return value.is(Kind::Text) ? parse_float(value.text()) : std::nullopt;
}

std::optional<Integer> truncated(double value) {
  if (!(std::fabs(value) < 1.7e38)) {
    raise("OverflowError",
          std::isnan(value) ? "cannot convert float NaN to integer" : "cannot convert float infinity to integer");
  }
  return static_cast<Integer>(value);
}

Value to_integer(Interpreter&, const Value& input, Arguments& args) {
  const Parameters given("int", args, {"default", "base"});
  if (input.is(Kind::Undefined)) raise_undefined(input);
  if (input.is_integral()) return Value(input.integer());
  if (input.is(Kind::Float) && std::isnan(input.number())) return given.find(0) == nullptr ? Value(0) : given.get(0);
  if (input.is(Kind::Float)) return Value(*truncated(input.number()));
  if (input.is(Kind::Text)) {
    if (const auto value = parse_integer(input.text(), given.integer(1, 10))) return Value(*value);
    const auto value = parse_float(input.text());
    if (value && !std::isnan(*value)) return Value(*truncated(*value));
  }
  return given.find(0) == nullptr ? Value(0) : given.get(0);
}

Value to_float(Interpreter&, const Value& input, Arguments& args) {
  const Parameters given("float", args, {"default"});
  const auto value = as_float(input);
  return value ? Value(*value) : given.find(0) == nullptr ? Value(0.0) : given.get(0);
}

Value absolute(Interpreter&, const Value& input, Arguments& args) {
  expect_no_arguments("abs", args);
  if (input.is(Kind::Undefined)) raise("TypeError", "bad operand type for abs(): 'Undefined'");
  if (!input.is_number()) raise("TypeError", "bad operand type for abs(): '", type_name(input), "'");
  if (input.is(Kind::Float)) return Value(std::fabs(input.number()));
  return input.integer() < 0 ? negate(input) : Value(input.integer());
}

// round(value, precision): the nearest number with that many digits, ties to even in the exact binary value.
double round_digits(Budget& budget, double value, Integer precision) {
  if (!std::isfinite(value) || precision > 400) return value;
  if (precision < 0) {
    if (precision < -310) return 0;
    const double scale = std::pow(10.0, static_cast<double>(-precision));
    return std::nearbyint(value / scale) * scale;
  }
  FormatSpec spec;
  spec.type = 'f';
  spec.precision = static_cast<size_t>(precision);
  const std::string digits = format_float(budget, value, spec);
  double rounded = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), rounded);
  return rounded;
}

Integer round_integer(Integer value, Integer precision) {
  if (precision >= 0) return value;
  if (precision < -37) return 0;
  Integer scale = 1;
  for (Integer i = precision; i < 0; ++i) scale *= 10;
  const Integer half = scale / 2, below = value - ((value % scale) + scale) % scale, rest = value - below;
  const bool up = rest > half || (rest == half && (below / scale) % 2 != 0);
  return up ? below + scale : below;
}

Value round(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("round", args, {"precision", "method"});
  const Integer precision = given.integer(0, 0);
  const std::string method = given.text(1, "common");
  if (method != "common" && method != "ceil" && method != "floor") {
    raise("FilterArgumentError", "method must be common, ceil or floor");
  }
  if (!input.is_number()) raise("TypeError", "type ", type_name(input), " doesn't define __round__ method");
  if (method == "common") {
    if (input.is(Kind::Float)) return Value(round_digits(in.budget(), input.number(), precision));
    return Value(round_integer(input.integer(), precision));
  }
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const double scaled = input.number() * scale;
  return Value((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
}

Value filesizeformat(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("filesizeformat", args, {"binary"});
  const bool binary = given.flag(0, false);
  const auto bytes = as_float(input);
  if (!bytes && input.is(Kind::Text))
    raise("ValueError", "could not convert string to float: ", to_repr(in.budget(), input));
  if (!bytes) raise("TypeError", "float() argument must be a string or a real number, not '", type_name(input), "'");
  const double base = binary ? 1024 : 1000;
  if (*bytes == 1) return make_text(&in.budget(), "1 Byte");
  if (*bytes < base) return make_text(&in.budget(), cat(integer_text(*truncated(*bytes)), " Bytes"));
  static constexpr const char* kDecimal[] = {"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
  static constexpr const char* kBinary[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"};
  double unit = base * base;
  size_t which = 0;
  for (; which < 7 && *bytes >= unit; ++which) unit *= base;
  return make_text(&in.budget(), cat(fixed(base * *bytes / unit, 1), " ", (binary ? kBinary : kDecimal)[which]));
}

constexpr Filter kFilters[] = {
    {"abs", absolute}, {"filesizeformat", filesizeformat}, {"float", to_float}, {"int", to_integer}, {"round", round}};

}  // namespace

const Filter* find_number_filter(std::string_view name) { return find_in_table(kFilters, name); }

}  // namespace paceline::jinja

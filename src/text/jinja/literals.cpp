#include "text/jinja/literals.h"

#include <algorithm>
#include <charconv>

#include "base/utf8.h"

namespace paceline::jinja {

namespace {

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

// Behind digits of `base` from `at` on, single underscores between them allowed; `at` itself when there is none.
size_t behind_digits(std::string_view source, size_t at, int base) {
  size_t end = at;
  while (end < source.size()) {
    const size_t digit = end > at && source[end] == '_' ? end + 1 : end;
    if (digit >= source.size() || digit_value(source[digit]) >= base) break;
    end = digit + 1;
  }
  return end;
}

Value read_integer(std::string_view digits, int base, int line) {
  Integer value = 0;
  for (const char c : digits) {
    if (c == '_') continue;
    if (__builtin_mul_overflow(value, Integer{base}, &value) ||
        __builtin_add_overflow(value, Integer{digit_value(c)}, &value)) {
      throw TemplateFailure("OverflowError", "integer literal needs more than 128 bits", line);
    }
  }
  return Value(value);
}

Value read_float(std::string_view text, int line) {
  std::string digits(text);
  std::erase(digits, '_');
  double value = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (result.ec != std::errc() || result.ptr != digits.data() + digits.size()) {
    throw TemplateFailure("OverflowError", cat("number literal ", text, " is outside the range of a float"), line);
  }
  return Value(value);
}

}  // namespace

NumberLiteral scan_number(std::string_view source, size_t at, int line) {
  const size_t whole = behind_digits(source, at, 10);
  size_t end = whole;
  // Not a fraction: the second number of `row.0.1` is an index.
  const bool after_dot = at > 0 && source[at - 1] == '.';
  if (end < source.size() && source[end] == '.' && behind_digits(source, end + 1, 10) > end + 1)
    end = behind_digits(source, end + 1, 10);
  if (end < source.size() && (source[end] == 'e' || source[end] == 'E')) {
    const size_t sign = end + 1 < source.size() && (source[end + 1] == '+' || source[end + 1] == '-') ? 1 : 0;
    const size_t exponent = behind_digits(source, end + 1 + sign, 10);
    if (exponent > end + 1 + sign) end = exponent;
  }
  if (end > whole && !after_dot) return {read_float(source.substr(at, end - at), line), end};
  if (source[at] == '0' && at + 1 < source.size()) {
    const char letter = static_cast<char>(source[at + 1] | 0x20);
    const int base = letter == 'b' ? 2 : letter == 'o' ? 8 : letter == 'x' ? 16 : 0;
    const size_t first = at + 2 + (base != 0 && at + 2 < source.size() && source[at + 2] == '_' ? 1 : 0);
    const size_t last = base == 0 ? first : behind_digits(source, first, base);
    if (base != 0 && last > first) return {read_integer(source.substr(first, last - first), base, line), last};
  }
  // A number that starts with 0 is zeros only; other digits after it are a number of their own, and so a syntax error.
  const size_t last = source[at] == '0' ? std::max(at + 1, behind_digits(source, at, 1)) : whole;
  return {read_integer(source.substr(at, last - at), 10, line), last};
}

namespace {

class Unescaper {
 public:
  Unescaper(std::string_view literal, int line) : literal_(literal), line_(line) {}

  std::string run() {
    while (at_ < literal_.size()) {
      const char c = literal_[at_++];
      if (c == '\\' && at_ < literal_.size()) escape(literal_[at_++]);
      else out_ += c;
    }
    return std::move(out_);
  }

 private:
  void escape(char c) {
    static constexpr std::string_view kNames = "\\'\"abfnrtv", kMeanings = "\\'\"\a\b\f\n\r\t\v";
    const size_t which = kNames.find(c);
    if (which != std::string_view::npos) out_ += kMeanings[which];
    else if (c == '\n') return;
    else if (c == 'x') append(digits(2, 2, 16));
    else if (c == 'u') append(digits(4, 4, 16));
    else if (c == 'U') append(digits(8, 8, 16));
    else if (c >= '0' && c <= '7') --at_, append(digits(1, 3, 8));
    else if (c == 'N') fail_here("characters by name (\\N{…}) are not supported in templates");
    else out_ += '\\', out_ += c;
  }

  uint32_t digits(size_t least, size_t most, int base) {
    uint32_t value = 0;
    size_t count = 0;
    for (; count < most && at_ < literal_.size() && digit_value(literal_[at_]) < base; ++count) {
      value = value * static_cast<uint32_t>(base) + static_cast<uint32_t>(digit_value(literal_[at_++]));
    }
    if (count < least) fail_here("truncated escape in string literal");
    return value;
  }

  void append(uint32_t code_point) {
    // A pair of surrogates is one character, as in JSON; a lone one cannot be written as UTF-8.
    if (code_point >= 0xD800 && code_point < 0xDC00 && literal_.substr(at_).starts_with("\\u")) {
      at_ += 2;
      const uint32_t low = digits(4, 4, 16);
      if (low >= 0xDC00 && low < 0xE000) code_point = 0x10000 + ((code_point - 0xD800) << 10) + (low - 0xDC00);
    }
    if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point < 0xE000))
      fail_here("escape in string literal is no character");
    append_utf8(out_, code_point);
  }

  [[noreturn]] void fail_here(const char* message) const {
    throw TemplateFailure("TemplateSyntaxError", message, line_);
  }

  std::string_view literal_;
  int line_;
  size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string unescape(std::string_view literal, int line) { return Unescaper(literal, line).run(); }

}  // namespace paceline::jinja

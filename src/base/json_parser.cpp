// Json::parse: recursive descent, as deep as the limit allows and no deeper.
#include <algorithm>
#include <charconv>
#include <optional>

#include "base/json.h"
#include "base/utf8.h"

namespace paceline {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Parser {
 public:
  Parser(std::string_view text, std::string_view source, const JsonLimits& limits)
      : text_(text), source_(source), limits_(limits) {}

  Json document() {
    if (text_.size() > limits_.bytes)
      fail(source_, ": the text has ", text_.size(), " bytes, expected at most ", limits_.bytes);
    Json value = read_value(0);
    skip_space();
    if (at_ != text_.size()) unexpected("the end of the text");
    return value;
  }

 private:
  [[noreturn]] void stop(std::string_view problem, size_t where) const {
    const std::string_view before = text_.substr(0, where);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    fail(source_, ": line ", line, ", column ", where - line_start + 1, ": ", problem);
  }

  [[noreturn]] void unexpected(std::string_view expected) const {
    if (at_ == text_.size()) stop(cat("the text ends, expected ", expected), at_);
    const uint8_t byte = static_cast<uint8_t>(text_[at_]);
    const std::string got =
        byte > 0x20 && byte < 0x7f ? cat("'", text_[at_], "'") : cat("byte ", static_cast<int>(byte));
    stop(cat("expected ", expected, ", got ", got), at_);
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
  }

  bool next_is(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool take(char c) { return next_is(c) ? (++at_, true) : false; }

  Json read_value(int depth) {
    if (++value_count_ > limits_.values) stop(cat("more than ", limits_.values, " values"), at_);
    skip_space();
    if (at_ == text_.size()) unexpected("a value");
    switch (text_[at_]) {
      case '{': return read_object(depth + 1);
      case '[': return read_array(depth + 1);
      case '"': return read_string();
      case 't': return read_word("true", true);
      case 'f': return read_word("false", false);
      case 'n': return read_word("null", nullptr);
      default: break;
    }
    if (!next_is('-') && !is_digit(text_[at_])) unexpected("a value");
    return read_number();
  }

  Json read_word(std::string_view word, Json value) {
    if (text_.substr(at_, word.size()) != word) stop(cat("expected ", word), at_);
    at_ += word.size();
    return value;
  }

  void check_depth(int depth) const {
    if (depth > limits_.depth) stop(cat("nested deeper than ", limits_.depth, " levels"), at_);
  }

  Json read_array(int depth) {
    check_depth(depth);
    ++at_;
    Json::Array values;
    skip_space();
    if (take(']')) return values;
    while (true) {
      values.push_back(read_value(depth));
      skip_space();
      if (take(']')) return values;
      if (!take(',')) unexpected("',' or ']'");
    }
  }

  Json read_object(int depth) {
    check_depth(depth);
    ++at_;
    JsonObject object;
    skip_space();
    if (take('}')) return object;
    while (true) {
      skip_space();
      if (!next_is('"')) unexpected("a member name in quotes");
      std::string key = read_string();
      skip_space();
      if (!take(':')) unexpected("':'");
      object.set(std::move(key), read_value(depth));
      skip_space();
      if (take('}')) return object;
      if (!take(',')) unexpected("',' or '}'");
    }
  }

  std::string read_string() {
    const size_t start = at_++;
    std::string out;
    while (true) {
      const size_t plain = at_;
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' && static_cast<uint8_t>(text_[at_]) >= 0x20)
        ++at_;
      out += text_.substr(plain, at_ - plain);
      if (take('"')) break;
      if (at_ == text_.size()) stop("this string does not end", start);
      if (text_[at_] != '\\') stop("a control character in a string, expected its escape", at_);
      read_escape(out);
    }
    if (!is_valid_utf8(out)) stop("this string is not valid UTF-8", start);
    return out;
  }

  void read_escape(std::string& out) {
    const size_t start = at_++;
    static constexpr std::string_view kNames = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    const char name = at_ < text_.size() ? text_[at_++] : '\0';
    if (name == 'u') return append_utf8(out, read_code_point(start));
    const size_t which = kNames.find(name);
    if (name == '\0' || which == std::string_view::npos) stop("unknown escape in a string", start);
    out += kMeanings[which];
  }

  // After "\u": one UTF-16 unit, or two that make a pair.
  uint32_t read_code_point(size_t start) {
    const uint32_t unit = read_hex(start);
    if (unit < 0xD800 || unit > 0xDFFF) return unit;
    if (unit > 0xDBFF || !take('\\') || !take('u')) stop("half of a surrogate pair in a string", start);
    const uint32_t second = read_hex(start);
    if (second < 0xDC00 || second > 0xDFFF) stop("half of a surrogate pair in a string", start);
    return 0x10000 + ((unit - 0xD800) << 10) + (second - 0xDC00);
  }

  uint32_t read_hex(size_t start) {
    const std::string_view digits = text_.substr(std::min(at_, text_.size()), 4);
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() != 4 || error != std::errc() || end != digits.data() + 4)
      stop("expected four hex digits after \\u", start);
    at_ += 4;
    return value;
  }

  size_t skip_digits() {
    const size_t start = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    if (at_ == start) unexpected("a digit");
    return at_ - start;
  }

  Json read_number() {
    const size_t start = at_;
    bool whole = true;
    take('-');
    if (!take('0')) skip_digits();
    if (take('.')) whole = false, skip_digits();
    if (take('e') || take('E')) {
      whole = false;
      if (!take('+')) take('-');
      skip_digits();
    }
    const std::string_view digits = text_.substr(start, at_ - start);
    if (whole && digits != "-0")
      if (const auto integer = read_integer(digits)) return *integer;
    double value = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec == std::errc()) return value;
    if (decimal_exponent(digits) > 0) stop("this number is too large for a double", start);
    return digits[0] == '-' ? -0.0 : 0.0;
  }

  static std::optional<Json> read_integer(std::string_view digits) {
    const char* end = digits.data() + digits.size();
    int64_t value = 0;
    if (std::from_chars(digits.data(), end, value).ec == std::errc()) return Json(value);
    uint64_t large = 0;
    if (digits[0] != '-' && std::from_chars(digits.data(), end, large).ec == std::errc()) return Json(large);
    return std::nullopt;
  }

  // e for a number of the form 0.d... * 10^e with d != 0: tells too large from too small, where from_chars does not.
  static int64_t decimal_exponent(std::string_view number) {
    const size_t mantissa_end = std::min(number.find_first_of("eE"), number.size());
    int64_t exponent = 0;
    if (mantissa_end < number.size()) {
      const std::string_view digits = number.substr(mantissa_end + (number[mantissa_end + 1] == '+' ? 2 : 1));
      if (std::from_chars(digits.data(), digits.data() + digits.size(), exponent).ec != std::errc())
        exponent = digits[0] == '-' ? INT64_MIN / 2 : INT64_MAX / 2;
    }
    const std::string_view mantissa = number.substr(0, mantissa_end);
    const auto point = static_cast<int64_t>(std::min(mantissa.find('.'), mantissa.size()));
    const auto first = static_cast<int64_t>(std::min(mantissa.find_first_of("123456789"), mantissa.size()));
    return exponent + (first < point ? point - first : point - first + 1);
  }

  std::string_view text_, source_;
  const JsonLimits& limits_;
  size_t at_ = 0, value_count_ = 0;
};

}  // namespace

Json Json::parse(std::string_view text, std::string_view source, const JsonLimits& limits) {
  return Parser(text, source, limits).document();
}

}  // namespace paceline

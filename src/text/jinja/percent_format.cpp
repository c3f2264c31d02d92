// "%-5s|%(name)d" % arguments.
#include "base/utf8.h"
#include "text/jinja/characters.h"
#include "text/jinja/formatting.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"

namespace paceline::jinja {

namespace {

class PercentFormatter {
 public:
  PercentFormatter(Budget& budget, const Value& format, const Value& arguments)
      : budget_(budget), format_(format.text()), markup_(format.is_markup()), arguments_(arguments) {
    is_tuple_ = arguments.is_sequence(SequenceKind::Tuple) || arguments.is_sequence(SequenceKind::Group);
  }

  std::string run() {
    while (at_ < format_.size()) {
      const size_t percent = std::min(format_.find('%', at_), format_.size());
      out_.append(format_.substr(at_, percent - at_));
      at_ = percent + 1;
      if (percent < format_.size()) convert();
      budget_.reserve(out_.size());
    }
    const bool all_used = is_tuple_ ? used_ == arguments_.sequence()->items.size() : used_ == 1;
    if (!all_used && !arguments_.is(Kind::Dict))
      raise("TypeError", "not all arguments converted during string formatting");
    return std::move(out_);
  }

 private:
  char peek() const {
    if (at_ >= format_.size()) raise("ValueError", "incomplete format");
    return format_[at_];
  }

  Value next_argument() {
    if (is_tuple_ ? used_ >= arguments_.sequence()->items.size() : used_ >= 1) {
      raise("TypeError", "not enough arguments for format string");
    }
    ++used_;
    return is_tuple_ ? arguments_.sequence()->items[used_ - 1] : arguments_;
  }

  Value named_argument() {
    if (!arguments_.is(Kind::Dict)) raise("TypeError", "format requires a mapping");
    const size_t close = format_.find(')', at_);
    if (close == std::string_view::npos) raise("ValueError", "incomplete format key");
    const std::string key(format_.substr(at_ + 1, close - at_ - 1));
    at_ = close + 1;
    const Value* value = arguments_.dict()->entries.find(make_text(&budget_, key));
    if (value == nullptr) raise("KeyError", "'", key, "'");
    return *value;
  }

  size_t take_size() {
    if (peek() == '*') {
      ++at_;
      const Integer size = index_of(next_argument());
      return size < 0 || size > Integer{1} << 40 ? 0 : static_cast<size_t>(size);
    }
    size_t size = 0;
    for (; peek() >= '0' && peek() <= '9'; ++at_) {
      size = size * 10 + static_cast<size_t>(peek() - '0');
      if (size > size_t{1} << 40) raise("ValueError", "width too big");
    }
    return size;
  }

  void convert() {
    std::optional<Value> value;
    if (peek() == '(') value = named_argument();
    FormatSpec spec;
    for (; std::string_view("#0- +").find(peek()) != std::string_view::npos; ++at_) {
      if (peek() == '#') spec.alternate = true;
      else if (peek() == '0') spec.zero = true;
      else if (peek() == '-') spec.align = '<';
      else spec.sign = spec.sign == '+' ? '+' : peek();
    }
    spec.width = take_size();
    if (peek() == '.') {
      ++at_;
      spec.precision = take_size();
    }
    while (peek() == 'h' || peek() == 'l' || peek() == 'L') ++at_;
    spec.type = peek();
    ++at_;
    if (spec.type == '%') {
      out_ += '%';
      return;
    }
    out_ += converted(value ? *value : next_argument(), spec);
  }

  std::string converted(const Value& value, FormatSpec& spec) {
    switch (spec.type) {
      case 's':
      case 'r':
      case 'a': return pad(budget_, limited(spoken(value, spec.type), spec), spec, '>');
      case 'c': return pad(budget_, character(value), spec, '>');
      case 'd':
      case 'i':
      case 'u':
      case 'o':
      case 'x':
      case 'X': return whole_number(value, spec);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        if (!value.is_number()) raise("TypeError", "must be real number, not ", type_name(value));
        pad_with_zeros(spec);
        return format_float(budget_, value.number(), spec);
      default: raise("ValueError", "unsupported format character '", spec.type, "'");
    }
  }

  static void pad_with_zeros(FormatSpec& spec) {
    if (spec.zero && spec.align == '\0') spec.fill.assign(1, '0'), spec.align = '=';
  }

  std::string spoken(const Value& value, char type) {
    if (type != 's') return to_repr(budget_, value);
    return markup_ ? escaped(budget_, value) : to_text(budget_, value);
  }

  static std::string limited(const std::string& text, const FormatSpec& spec) {
    return spec.precision ? text.substr(0, byte_of(text, *spec.precision)) : text;
  }

  static std::string character(const Value& value) {
    if (value.is(Kind::Text) && length(value) == 1) return value.text();
    if (!value.is_integral()) raise("TypeError", "%c requires int or char");
    const Integer code_point = value.integer();
    if (code_point < 0 || code_point >= 0x110000 || (code_point >= 0xD800 && code_point < 0xE000)) {
      raise("OverflowError", "%c arg not in range(0x110000)");
    }
    std::string text;
    append_utf8(text, static_cast<uint32_t>(code_point));
    return text;
  }

  std::string whole_number(const Value& value, FormatSpec& spec) {
    const char shown = spec.type;
    if (shown == 'i' || shown == 'u') spec.type = 'd';
    const bool decimal = spec.type == 'd';
    if (!value.is_integral() && !(decimal && value.is(Kind::Float))) {
      raise("TypeError", "%", shown,
            decimal ? " format: a real number is required, not " : " format: an integer is required, not ",
            type_name(value));
    }
    pad_with_zeros(spec);
    const size_t digit_count = spec.precision.value_or(0);
    spec.precision.reset();
    const Integer number = value.is(Kind::Float) ? to_integer(value.number()) : value.integer();
    if (digit_count == 0) return format_integer(budget_, number, spec);
    FormatSpec digits = spec;  // a precision asks for that many digits, zeros in front
    digits.fill.assign(1, '0'), digits.align = '=',
                                digits.width = digit_count + (number < 0 || spec.sign != '-' ? 1 : 0);
    return pad(budget_, format_integer(budget_, number, digits), spec, '>');
  }

  static Integer to_integer(double value) {
    if (!(value > -1e38 && value < 1e38))
      raise("OverflowError", "cannot convert float infinity, NaN or beyond 128 bits to integer");
    return static_cast<Integer>(value);
  }

  Budget& budget_;
  std::string_view format_;
  bool markup_;
  const Value& arguments_;
  bool is_tuple_;
  size_t at_ = 0, used_ = 0;
  std::string out_;
};

}  // namespace

Value percent_format(Budget& budget, const Value& format, const Value& arguments) {
  budget.work(format.text().size());
  return make_text(&budget, PercentFormatter(budget, format, arguments).run(), format.is_markup());
}

}  // namespace paceline::jinja

// + - * / // % ** and signs. Integers are exact; beyond 128 bits they fail instead of growing without bound.
#include <cmath>

#include "text/jinja/formatting.h"
#include "text/jinja/operators.h"

namespace paceline::jinja {

namespace {

[[noreturn]] void raise_unsupported(const char* symbol, const Value& left, const Value& right) {
  if (left.is(Kind::Undefined)) raise_undefined(left);
  if (right.is(Kind::Undefined)) raise_undefined(right);
  raise("TypeError", "unsupported operand type(s) for ", symbol, ": '", type_name(left), "' and '", type_name(right),
        "'");
}

[[noreturn]] void raise_too_large(const char* symbol) {
  raise("OverflowError", "the result of ", symbol, " needs more than the 128 bits an integer may have here");
}

bool both_integral(const Value& left, const Value& right) { return left.is_integral() && right.is_integral(); }

void check_numbers(const char* symbol, const Value& left, const Value& right) {
  if (!left.is_number() || !right.is_number()) raise_unsupported(symbol, left, right);
}

Value add_texts(Budget& budget, const Value& left, const Value& right) {
  if (!left.is(Kind::Text)) raise_unsupported("+", left, right);
  if (!right.is(Kind::Text)) {
    if (right.is(Kind::Undefined)) raise_undefined(right);
    raise("TypeError", "can only concatenate str (not \"", type_name(right), "\") to str");
  }
  const bool markup = left.is_markup() || right.is_markup();
  if (markup) return make_text(&budget, escaped(budget, left) + escaped(budget, right), true);
  budget.reserve(left.text().size() + right.text().size());
  return make_text(&budget, left.text() + right.text());
}

bool is_concatenable(const Value& value) {
  return value.is_sequence(SequenceKind::List) || value.is_sequence(SequenceKind::Tuple) ||
         value.is_sequence(SequenceKind::Group);
}

Value add_sequences(Budget& budget, const Value& left, const Value& right) {
  const bool is_list = left.is_sequence(SequenceKind::List);
  if (!is_concatenable(right) || right.is_sequence(SequenceKind::List) != is_list) {
    if (right.is(Kind::Undefined)) raise_undefined(right);
    const char* name = is_list ? "list" : "tuple";
    raise("TypeError", "can only concatenate ", name, " (not \"", type_name(right), "\") to ", name);
  }
  budget.reserve((length(left) + length(right)) * sizeof(Value));
  Values items = left.sequence()->items;
  items.insert(items.end(), right.sequence()->items.begin(), right.sequence()->items.end());
  return make_sequence(budget, is_list ? SequenceKind::List : SequenceKind::Tuple, std::move(items));
}

Value repeat(Budget& budget, const Value& value, Integer count) {
  const size_t size = value.is(Kind::Text) ? value.text().size() : value.sequence()->items.size() * sizeof(Value);
  if (count < 0) count = 0;
  const Integer bytes = checked_product(static_cast<Integer>(size), count);
  budget.reserve(bytes > static_cast<Integer>(SIZE_MAX) ? SIZE_MAX : static_cast<size_t>(bytes));
  if (size == 0) count = 0;
  if (value.is(Kind::Text)) {
    std::string text;
    text.reserve(static_cast<size_t>(bytes));
    for (Integer i = 0; i < count; ++i) text += value.text();
    return make_text(&budget, std::move(text), value.is_markup());
  }
  Values items;
  for (Integer i = 0; i < count; ++i)
    items.insert(items.end(), value.sequence()->items.begin(), value.sequence()->items.end());
  const bool is_list = value.is_sequence(SequenceKind::List);
  return make_sequence(budget, is_list ? SequenceKind::List : SequenceKind::Tuple, std::move(items));
}

Integer floor_quotient(Integer left, Integer right, const char* message) {
  if (right == 0) raise("ZeroDivisionError", message);
  if (right == -1) return checked_product(left, -1);
  const Integer quotient = left / right;
  return left % right != 0 && (left < 0) != (right < 0) ? quotient - 1 : quotient;
}

double float_modulo(double left, double right) {
  if (right == 0) raise("ZeroDivisionError", "float modulo");
  const double remainder = std::fmod(left, right);
  if (remainder == 0) return std::copysign(0.0, right);
  return (remainder < 0) != (right < 0) ? remainder + right : remainder;
}

Value integer_power(Budget& budget, Integer base, Integer exponent) {
  Integer result = 1;
  for (; exponent > 0; exponent /= 2) {
    budget.step();
    if (exponent % 2 == 1 && __builtin_mul_overflow(result, base, &result)) raise_too_large("**");
    if (exponent > 1 && __builtin_mul_overflow(base, base, &base)) raise_too_large("**");
  }
  return Value(result);
}

}  // namespace

Integer checked_product(Integer left, Integer right) {
  Integer result;
  if (__builtin_mul_overflow(left, right, &result)) raise_too_large("*");
  return result;
}

Value add(Budget& budget, const Value& left, const Value& right) {
  if (left.is(Kind::Text) || (right.is(Kind::Text) && !left.is(Kind::Sequence))) return add_texts(budget, left, right);
  if (is_concatenable(left)) return add_sequences(budget, left, right);
  check_numbers("+", left, right);
  if (!both_integral(left, right)) return Value(left.number() + right.number());
  Integer result;
  if (__builtin_add_overflow(left.integer(), right.integer(), &result)) raise_too_large("+");
  return Value(result);
}

Value subtract(const Value& left, const Value& right) {
  check_numbers("-", left, right);
  if (!both_integral(left, right)) return Value(left.number() - right.number());
  Integer result;
  if (__builtin_sub_overflow(left.integer(), right.integer(), &result)) raise_too_large("-");
  return Value(result);
}

Value multiply(Budget& budget, const Value& left, const Value& right) {
  const auto repeatable = [](const Value& value) { return value.is(Kind::Text) || is_concatenable(value); };
  if (repeatable(left) && right.is_integral()) return repeat(budget, left, right.integer());
  if (repeatable(right) && left.is_integral()) return repeat(budget, right, left.integer());
  if (repeatable(left) && !right.is(Kind::Undefined)) {
    raise("TypeError", "can't multiply sequence by non-int of type '", type_name(right), "'");
  }
  check_numbers("*", left, right);
  if (!both_integral(left, right)) return Value(left.number() * right.number());
  return Value(checked_product(left.integer(), right.integer()));
}

Value divide(const Value& left, const Value& right) {
  check_numbers("/", left, right);
  if (right.number() == 0)
    raise("ZeroDivisionError", both_integral(left, right) ? "division by zero" : "float division by zero");
  return Value(left.number() / right.number());
}

Value floor_divide(const Value& left, const Value& right) {
  check_numbers("//", left, right);
  if (both_integral(left, right)) {
    return Value(floor_quotient(left.integer(), right.integer(), "integer division or modulo by zero"));
  }
  if (right.number() == 0) raise("ZeroDivisionError", "float floor division by zero");
  const double quotient = (left.number() - float_modulo(left.number(), right.number())) / right.number();
  const double floored = std::floor(quotient);
  return Value(quotient - floored > 0.5 ? floored + 1 : floored);
}

Value modulo(Budget& budget, const Value& left, const Value& right) {
  if (left.is(Kind::Text)) return percent_format(budget, left, right);
  check_numbers("%", left, right);
  if (!both_integral(left, right)) return Value(float_modulo(left.number(), right.number()));
  const Integer quotient = floor_quotient(left.integer(), right.integer(), "integer modulo by zero");
  return Value(left.integer() - quotient * right.integer());
}

Value power(Budget& budget, const Value& left, const Value& right) {
  check_numbers("** or pow()", left, right);
  if (both_integral(left, right) && right.integer() >= 0) return integer_power(budget, left.integer(), right.integer());
  const double base = left.number(), exponent = right.number();
  if (base == 0 && exponent < 0) raise("ZeroDivisionError", "0.0 cannot be raised to a negative power");
  if (base < 0 && std::trunc(exponent) != exponent) raise("TypeError", "complex numbers are not supported");
  const double result = std::pow(base, exponent);
  if (std::isinf(result) && !std::isinf(base) && !std::isinf(exponent)) {
    raise("OverflowError", "(34, 'Numerical result out of range')");
  }
  return Value(result);
}

Value negate(const Value& value) {
  if (value.is(Kind::Undefined)) raise_undefined(value);
  if (!value.is_number()) raise("TypeError", "bad operand type for unary -: '", type_name(value), "'");
  if (value.is(Kind::Float)) return Value(-value.number());
  return Value(checked_product(value.integer(), -1));
}

Value positive(const Value& value) {
  if (value.is(Kind::Undefined)) raise_undefined(value);
  if (!value.is_number()) raise("TypeError", "bad operand type for unary +: '", type_name(value), "'");
  return value.is(Kind::Float) ? value : Value(value.integer());
}

}  // namespace paceline::jinja

#pragma once
// Python's operators and protocols on values: truth, equality, order, arithmetic, containment, length, iteration, subscripts and slices.
// Whatever Python refuses is refused here with the same exception name and, where templates meet it, the same words.
#include <optional>

#include "text/jinja/value.h"

namespace paceline::jinja {

std::string type_name(const Value& value);  // "str", "NoneType", "dict_keys" …
std::string object_type_repr(const Value& value);  // how messages of undefined values call it: "dict object", "None"
[[noreturn]] void raise_undefined(const Value& undefined);

bool truth(const Value& value);
bool equal(Budget& budget, const Value& left, const Value& right);

enum class Order { Less, LessEqual, Greater, GreaterEqual };
bool ordered(Budget& budget, Order order, const Value& left, const Value& right);
void check_hashable(Budget& budget, const Value& value);

Value add(Budget& budget, const Value& left, const Value& right);
Value subtract(const Value& left, const Value& right);
Value multiply(Budget& budget, const Value& left, const Value& right);
Value divide(const Value& left, const Value& right);
Value floor_divide(const Value& left, const Value& right);
Value modulo(Budget& budget, const Value& left, const Value& right);
Value power(Budget& budget, const Value& left, const Value& right);
Value negate(const Value& value);
Value positive(const Value& value);

bool contains(Budget& budget, const Value& container, const Value& item);
size_t length(const Value& value);  // TypeError where Python has no len()
NextItem iterate(Budget& budget, const Value& value);
std::optional<NextItem> try_iterate(Budget& budget, const Value& value);
Values to_items(Budget& budget, const Value& iterable);

// Escapes &, <, >, ' and " unless it is markup already.
std::string escaped(Budget& budget, const Value& value);
std::string escape_text(Budget& budget, std::string_view text);

// str.replace; a negative count replaces all.
std::string replace_text(Budget& budget, std::string_view text, std::string_view old, std::string_view with,
                         Integer count);

// value[index], nothing where Python raises TypeError, IndexError or KeyError.
std::optional<Value> subscript(Budget& budget, const Value& value, const Value& index);
struct SliceBounds {
  Value start, stop, step;  // None where left out
};
Value slice(Budget& budget, const Value& value, const SliceBounds& bounds);
// Python's rule for a start or stop in a sequence of `size` (negative counts from the end, then clamped).
size_t clamp_index(Integer index, size_t size);
// An index argument: int or bool, else TypeError.
Integer index_of(const Value& value);
Integer checked_product(Integer left, Integer right);

}  // namespace paceline::jinja

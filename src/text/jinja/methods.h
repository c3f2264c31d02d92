#pragma once
// Attributes of values: the methods of str, list, tuple and dict as Python has them, in Jinja's immutable sandbox: what would change a
// list or dict (append, update …) is there but refuses to be called with a SecurityError.
#include <string_view>

#include "text/jinja/value.h"

namespace paceline::jinja {

using MethodBody = Value (*)(Interpreter& interpreter, const Value& self, Arguments& arguments);
struct Method {
  std::string_view name;
  MethodBody body;
};

// Null when the type has no such method.
const Method* find_text_method(std::string_view name);
const Method* find_sequence_method(SequenceKind kind, std::string_view name);
const Method* find_dict_method(std::string_view name);

// value.name and value[index] as Jinja does them: each falls back to the other; an undefined value when neither is there.
Value get_attribute(Interpreter& interpreter, const Value& value, std::string_view name);
Value get_item(Interpreter& interpreter, const Value& value, const Value& index);
// The attribute itself, without falling back to an item; nothing when there is none.
bool find_attribute(Interpreter& interpreter, const Value& value, std::string_view name, Value& out);

}  // namespace paceline::jinja

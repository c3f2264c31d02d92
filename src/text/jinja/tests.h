#pragma once
// Tests: what stands behind `is`.
#include <string>
#include <string_view>

#include "text/jinja/value.h"

namespace paceline::jinja {

struct Test {
  std::string_view name;
  bool (*body)(Interpreter& interpreter, const Value& input, Arguments& arguments);
};

const Test* find_test(std::string_view name);  // null when there is none of that name
// `test` may be null: then this fails, naming `name`.
bool apply_test(Interpreter& interpreter, const std::string& name, const Test* test, const Value& input,
                Arguments& arguments);

}  // namespace paceline::jinja

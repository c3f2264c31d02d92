#pragma once
// What every template finds defined: Jinja's range, dict, namespace, joiner and cycler, and Transformers' raise_exception, strftime_now.
#include "text/jinja/interpreter.h"

namespace paceline::jinja {

void add_globals(Interpreter& interpreter, Scope& scope);

}  // namespace paceline::jinja

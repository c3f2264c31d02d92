#pragma once
// Number and string literals of template code, as Python reads them.
#include <cstddef>
#include <string>
#include <string_view>

#include "text/jinja/value.h"

namespace paceline::jinja {

struct NumberLiteral {
  Value value;
  size_t end;  // behind it in the source
};

// The number that starts with the digit at `at`. `line` is for messages.
NumberLiteral scan_number(std::string_view source, size_t at, int line);

// The text that the inside of a string literal stands for.
std::string unescape(std::string_view literal, int line);

}  // namespace paceline::jinja

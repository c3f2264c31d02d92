#pragma once
// The three ways Python puts values into texts: "%s" % value, "{}".format(value), and the format mini-language both rest on
// (docs.python.org, "Format String Syntax" and "printf-style String Formatting").
#include <optional>
#include <string>
#include <string_view>

#include "text/jinja/value.h"

namespace paceline::jinja {

struct FormatSpec {
  std::string fill = " ";
  char align = '\0';  // < > ^ = or none given
  char sign = '-';  // - + or space
  bool alternate = false, zero = false;
  size_t width = 0;
  char grouping = '\0';  // , or _
  std::optional<size_t> precision;
  char type = '\0';
};

FormatSpec parse_format_spec(std::string_view spec);
std::string format_integer(Budget& budget, Integer value, const FormatSpec& spec);
std::string format_float(Budget& budget, double value, const FormatSpec& spec);
// Pads to the width; `sign_length` bytes at the start stay in front of '=' padding.
std::string pad(Budget& budget, std::string text, const FormatSpec& spec, char default_align, size_t sign_length = 0);
std::string format_value(Budget& budget, const Value& value, std::string_view spec);  // format(value, spec)

Value percent_format(Budget& budget, const Value& format, const Value& arguments);
Value brace_format(Interpreter& interpreter, const Value& format, const Arguments& arguments);

}  // namespace paceline::jinja

#pragma once
// str(), repr() and json.dumps() as Python 3 prints them.
#include <optional>
#include <string>

#include "text/jinja/value.h"

namespace paceline::jinja {

std::string integer_text(Integer value);
std::string float_text(double value);  // repr(float): shortest digits that read back, 1e+16 from there on
std::string to_text(Budget& budget, const Value& value);
std::string to_repr(Budget& budget, const Value& value);
void append_text_repr(std::string& out, std::string_view text);

struct JsonStyle {
  bool ensure_ascii = false;
  std::optional<std::string> indent;
  std::string item_separator = ", ", key_separator = ": ";
  bool sort_keys = false;
};
std::string to_json(Budget& budget, const Value& value, const JsonStyle& style);

}  // namespace paceline::jinja

#pragma once
// Filters: Jinja's builtin ones and tojson as Transformers defines it. Those that give generators in Python give lazy ones here.
#include <string>
#include <string_view>

#include "text/jinja/value.h"

namespace paceline::jinja {

struct Filter {
  std::string_view name;
  Value (*body)(Interpreter& interpreter, const Value& input, Arguments& arguments);
};

// Null when there is no filter of that name.
const Filter* find_filter(std::string_view name);
const Filter* find_text_filter(std::string_view name);  // of filters_text.cpp
const Filter* find_number_filter(std::string_view name);  // of filters_number.cpp
const Filter* find_sequence_filter(std::string_view name);  // of filters_sequence.cpp
const Filter* find_selection_filter(std::string_view name);  // of filters_selection.cpp

// `filter` may be null: then this fails, naming `name`.
Value apply_filter(Interpreter& interpreter, const std::string& name, const Filter* filter, const Value& input,
                   Arguments& arguments);

template <size_t Count>
const Filter* find_in_table(const Filter (&table)[Count], std::string_view name) {
  for (const Filter& filter : table) {
    if (filter.name == name) return &filter;
  }
  return nullptr;
}

}  // namespace paceline::jinja

#include "text/jinja/filters.h"

#include <algorithm>

#include "text/jinja/interpreter.h"

namespace paceline::jinja {

const Filter* find_filter(std::string_view name) {
  for (const auto find : {find_text_filter, find_sequence_filter, find_selection_filter, find_number_filter}) {
    if (const Filter* filter = find(name)) return filter;
  }
  return nullptr;
}

Value apply_filter(Interpreter& in, const std::string& name, const Filter* filter, const Value& input,
                   Arguments& arguments) {
  if (filter != nullptr) {
    if (input.is(Kind::Text)) in.budget().work(input.text().size());
    return filter->body(in, input, arguments);
  }
  // Known to Jinja, and left out here: random output, or pages of rules for HTML that no prompt needs.
  static constexpr std::string_view kLeftOut[] = {"pprint", "random", "striptags", "urlize", "wordwrap"};
  const bool left_out = std::find(std::begin(kLeftOut), std::end(kLeftOut), name) != std::end(kLeftOut);
  if (left_out) raise("TemplateRuntimeError", "the filter '", name, "' is not supported in chat templates");
  raise("TemplateRuntimeError", "No filter named '", name, "' found.");
}

}  // namespace paceline::jinja

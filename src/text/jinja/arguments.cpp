#include "text/jinja/arguments.h"

#include <algorithm>

#include "text/jinja/operators.h"

namespace paceline::jinja {

Parameters::Parameters(const char* function, const Arguments& arguments, std::initializer_list<const char*> names,
                       size_t required, bool positional_only)
    : function_(function), names_(names), values_(names.size(), nullptr) {
  if (positional_only && !arguments.named.empty()) raise("TypeError", function, "() takes no keyword arguments");
  if (arguments.positional.size() > names_.size()) {
    raise("TypeError", function, "() takes at most ", names_.size(), " arguments (", arguments.positional.size(),
          " given)");
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) values_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto at = static_cast<size_t>(std::find(names_.begin(), names_.end(), name) - names_.begin());
    if (at == names_.size()) raise("TypeError", function, "() got an unexpected keyword argument '", name, "'");
    if (values_[at] != nullptr) raise("TypeError", function, "() got multiple values for argument '", name, "'");
    values_[at] = &value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (values_[i] == nullptr) raise("TypeError", function, "() missing required argument '", names_[i], "'");
  }
}

void expect_no_arguments(const char* function, const Arguments& arguments) {
  const size_t given = arguments.positional.size() + arguments.named.size();
  if (given > 0) raise("TypeError", function, "() takes no arguments (", given, " given)");
}

const Value* Parameters::find_some(size_t index) const {
  const Value* value = values_[index];
  return value == nullptr || value->is(Kind::None) ? nullptr : value;
}

bool Parameters::flag(size_t index, bool otherwise) const {
  return values_[index] == nullptr ? otherwise : truth(*values_[index]);
}

Integer Parameters::integer(size_t index, Integer otherwise) const {
  return values_[index] == nullptr ? otherwise : index_of(*values_[index]);
}

const std::string& Parameters::text_of(const Value& value, size_t index) const {
  if (value.is(Kind::Undefined)) raise_undefined(value);
  if (!value.is(Kind::Text)) {
    raise("TypeError", function_, "() argument ", index + 1, " must be str, not ", type_name(value));
  }
  return value.text();
}

const std::string& Parameters::text(size_t index) const { return text_of(get(index), index); }

std::string Parameters::text(size_t index, const char* otherwise) const {
  return values_[index] == nullptr ? otherwise : text_of(*values_[index], index);
}

}  // namespace paceline::jinja

#pragma once
// Binding of a call's arguments to the parameters of a builtin, by position or name, as Python does it.
#include <initializer_list>
#include <string>
#include <vector>

#include "text/jinja/value.h"

namespace paceline::jinja {

class Parameters {
 public:
  // The first `required` of `names` must be given. `names` are also accepted as keywords unless `positional_only`.
  Parameters(const char* function, const Arguments& arguments, std::initializer_list<const char*> names,
             size_t required = 0, bool positional_only = false);

  const Value* find(size_t index) const { return values_[index]; }         // null: not given
  const Value* find_some(size_t index) const;                               // null: not given or None
  const Value& get(size_t index) const { return *values_[index]; }          // a required one
  bool flag(size_t index, bool otherwise) const;
  Integer integer(size_t index, Integer otherwise) const;
  const std::string& text(size_t index) const;                              // a required str
  std::string text(size_t index, const char* otherwise) const;

 private:
  const std::string& text_of(const Value& value, size_t index) const;

  const char* function_;
  std::vector<const char*> names_;
  std::vector<const Value*> values_;
};

// For builtins that take nothing.
void expect_no_arguments(const char* function, const Arguments& arguments);

}  // namespace paceline::jinja

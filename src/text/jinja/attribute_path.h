#pragma once
// The `attribute` argument of filters: "a.b.0" goes from an item to item.a.b[0], with Jinja's item-before-attribute lookup.
#include <vector>

#include "text/jinja/value.h"

namespace paceline::jinja {

class AttributePath {
 public:
  explicit AttributePath(const Value* attribute);  // null: the item itself
  Value of(Interpreter& interpreter, Value item, const Value* otherwise = nullptr) const;

 private:
  Values parts_;
};

// The same for several paths with commas between them, as `sort` takes them; the result is a list with one value each.
Value keys_of(Interpreter& interpreter, const std::vector<AttributePath>& paths, const Value& item,
              bool case_sensitive);
std::vector<AttributePath> parse_paths(const Value* attribute);

Value without_case(Budget& budget, const Value& value);  // texts in lower case, all else as it is

}  // namespace paceline::jinja

// Truth, equality, order, length, containment, iteration. Arithmetic is in arithmetic.cpp, subscripts are in subscripts.cpp.
#include "text/jinja/operators.h"

#include <cmath>

#include "text/jinja/characters.h"
#include "text/jinja/loop.h"
#include "text/jinja/printing.h"

namespace paceline::jinja {

std::string type_name(const Value& value) {
  static constexpr const char* kSequences[] = {"list",      "tuple",       "_GroupTuple", "range",
                                               "dict_keys", "dict_values", "dict_items"};
  switch (value.kind()) {
    case Kind::Undefined: return "Undefined";
    case Kind::None: return "NoneType";
    case Kind::Bool: return "bool";
    case Kind::Int: return "int";
    case Kind::Float: return "float";
    case Kind::Text: return value.is_markup() ? "Markup" : "str";
    case Kind::Sequence: return kSequences[static_cast<int>(value.sequence()->kind)];
    case Kind::Dict: return "dict";
    case Kind::Generator: return value.generator()->type_name;
    case Kind::Function: return value.function()->type_name();
    case Kind::Namespace: return "Namespace";
    case Kind::Loop: return "LoopContext";
  }
  return "object";
}

std::string object_type_repr(const Value& value) {
  if (value.is(Kind::None)) return "None";
  std::string module;
  if (value.is(Kind::Namespace)) module = "jinja2.utils.";
  if (value.is(Kind::Loop) || type_name(value) == "Macro") module = "jinja2.runtime.";
  if (value.is_markup()) module = "markupsafe.";
  return cat(module, type_name(value), " object");
}

void raise_undefined(const Value& undefined) {
  throw TemplateFailure(undefined.undefined().error_kind, undefined.undefined().message, 0);
}

bool truth(const Value& value) {
  switch (value.kind()) {
    case Kind::Undefined:
    case Kind::None: return false;
    case Kind::Bool: return value.boolean();
    case Kind::Int: return value.integer() != 0;
    case Kind::Float: return value.number() != 0;
    case Kind::Text: return !value.text().empty();
    case Kind::Sequence: return !value.sequence()->items.empty();
    case Kind::Dict: return value.dict()->entries.size() > 0;
    default: return true;
  }
}

namespace {

enum class Family { Number, Text, List, Tuple, Range, Keys, Other };

Family family(const Value& value) {
  if (value.is_number()) return Family::Number;
  if (value.is(Kind::Text)) return Family::Text;
  if (!value.is(Kind::Sequence)) return Family::Other;
  switch (value.sequence()->kind) {
    case SequenceKind::List: return Family::List;
    case SequenceKind::Tuple:
    case SequenceKind::Group: return Family::Tuple;
    case SequenceKind::Range: return Family::Range;
    case SequenceKind::Keys:
    case SequenceKind::Items: return Family::Keys;
    case SequenceKind::Values: return Family::Other;
  }
  return Family::Other;
}

int compare_numbers(const Value& left, const Value& right) {  // 2: not comparable (NaN)
  if (left.is_integral() && right.is_integral())
    return left.integer() < right.integer() ? -1 : left.integer() > right.integer();
  const auto wide = [](const Value& value) {
    return value.is(Kind::Float) ? static_cast<long double>(value.number()) : static_cast<long double>(value.integer());
  };
  const long double a = wide(left), b = wide(right);
  if (std::isnan(a) || std::isnan(b)) return 2;
  return a < b ? -1 : a > b;
}

bool equal_dicts(Budget& budget, const Entries& left, const Entries& right) {
  if (left.size() != right.size()) return false;
  for (const auto& [key, value] : left.all()) {
    const Value* other = right.find(key);
    if (other == nullptr || !equal(budget, value, *other)) return false;
  }
  return true;
}

bool equal_items(Budget& budget, const Values& left, const Values& right) {
  if (left.size() != right.size()) return false;
  for (size_t i = 0; i < left.size(); ++i) {
    if (!left[i].same_object(right[i]) && !equal(budget, left[i], right[i])) return false;
  }
  return true;
}

bool order_holds(Order order, int comparison) {
  switch (order) {
    case Order::Less: return comparison < 0;
    case Order::LessEqual: return comparison <= 0;
    case Order::Greater: return comparison > 0;
    case Order::GreaterEqual: return comparison >= 0;
  }
  return false;
}

// The rank of a hashable value's family among keys: any fixed order will do.
int key_rank(const Value& value) {
  if (value.is_number()) return 0;
  if (value.is(Kind::Sequence)) return 1;
  return 2 + static_cast<int>(value.kind());
}

const void* identity(const Value& value) {
  switch (value.kind()) {
    case Kind::Generator: return value.generator().get();
    case Kind::Function: return value.function().get();
    case Kind::Namespace: return value.name_space().get();
    case Kind::Loop: return value.loop().get();
    default: return nullptr;  // None, and all undefined values alike
  }
}

int compare_keys(Budget& budget, const Value& left, const Value& right) {
  const Depth depth(budget);
  const int left_rank = key_rank(left), right_rank = key_rank(right);
  if (left_rank != right_rank) return left_rank < right_rank ? -1 : 1;
  if (left_rank == 0) {
    const int comparison = compare_numbers(left, right);
    if (comparison != 2) return comparison;
    const bool left_nan = std::isnan(left.number()), right_nan = std::isnan(right.number());
    return left_nan == right_nan ? 0 : left_nan ? -1 : 1;
  }
  if (left.is(Kind::Text)) {
    budget.work(std::min(left.text().size(), right.text().size()));
    return left.text().compare(right.text());
  }
  if (!left.is(Kind::Sequence)) {
    const std::less<const void*> less;
    return less(identity(left), identity(right)) ? -1 : less(identity(right), identity(left));
  }
  const Values &a = left.sequence()->items, &b = right.sequence()->items;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (const int comparison = compare_keys(budget, a[i], b[i]); comparison != 0) return comparison;
  }
  return a.size() < b.size() ? -1 : a.size() > b.size();
}

}  // namespace

bool equal(Budget& budget, const Value& left, const Value& right) {
  const Depth depth(budget);
  const Family which = family(left);
  if (which != family(right)) return false;
  switch (which) {
    case Family::Number: return compare_numbers(left, right) == 0;
    case Family::Text:
      budget.work(std::min(left.text().size(), right.text().size()));
      return left.text() == right.text();
    case Family::List:
    case Family::Tuple:
    case Family::Range:
    case Family::Keys: return equal_items(budget, left.sequence()->items, right.sequence()->items);
    case Family::Other: break;
  }
  if (left.kind() != right.kind()) return false;
  if (left.is(Kind::Undefined) || left.is(Kind::None)) return true;
  if (left.is(Kind::Dict)) return equal_dicts(budget, left.dict()->entries, right.dict()->entries);
  return left.same_object(right);
}

bool ordered(Budget& budget, Order order, const Value& left, const Value& right) {
  const Depth depth(budget);
  const Family which = family(left);
  if (which == family(right)) {
    if (which == Family::Number) {
      const int comparison = compare_numbers(left, right);
      return comparison != 2 && order_holds(order, comparison);
    }
    if (which == Family::Text) {
      budget.work(std::min(left.text().size(), right.text().size()));
      return order_holds(order, left.text().compare(right.text()));  // UTF-8 keeps the order of code points
    }
    if (which == Family::List || which == Family::Tuple) {
      const Values &a = left.sequence()->items, &b = right.sequence()->items;
      for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
        if (!equal(budget, a[i], b[i])) return ordered(budget, order, a[i], b[i]);
      }
      return order_holds(order, a.size() < b.size() ? -1 : a.size() > b.size());
    }
  }
  if (left.is(Kind::Undefined)) raise_undefined(left);
  if (right.is(Kind::Undefined)) raise_undefined(right);
  static constexpr const char* kSymbols[] = {"<", "<=", ">", ">="};
  raise("TypeError", "'", kSymbols[static_cast<int>(order)], "' not supported between instances of '", type_name(left),
        "' and '", type_name(right), "'");
}

void check_hashable(Budget& budget, const Value& value) {
  if (value.is(Kind::Dict) ||
      (value.is(Kind::Sequence) && family(value) != Family::Tuple && family(value) != Family::Range)) {
    raise("TypeError", "unhashable type: '", type_name(value), "'");
  }
  if (value.is(Kind::Sequence)) {
    const Depth depth(budget);
    for (const Value& item : value.sequence()->items) check_hashable(budget, item);
  }
}

bool KeyOrder::operator()(const Value& left, const Value& right) const {
  return compare_keys(*budget, left, right) < 0;
}

bool contains(Budget& budget, const Value& container, const Value& item) {
  if (container.is(Kind::Text)) {
    if (!item.is(Kind::Text))
      raise("TypeError", "'in <string>' requires string as left operand, not ", type_name(item));
    budget.work(container.text().size());
    return container.text().find(item.text()) != std::string::npos;
  }
  if (container.is(Kind::Dict)) {
    check_hashable(budget, item);
    return container.dict()->entries.find(item) != nullptr;
  }
  const auto next = try_iterate(budget, container);
  if (!next) raise("TypeError", "argument of type '", type_name(container), "' is not iterable");
  for (Value value; (*next)(value);) {
    if (value.same_object(item) || equal(budget, value, item)) return true;
  }
  return false;
}

size_t length(const Value& value) {
  switch (value.kind()) {
    case Kind::Undefined: return 0;
    case Kind::Text: return value.text_data()->ascii ? value.text().size() : code_point_count(value.text());
    case Kind::Sequence: return value.sequence()->items.size();
    case Kind::Dict: return value.dict()->entries.size();
    case Kind::Loop: return value.loop()->length();
    default: raise("TypeError", "object of type '", type_name(value), "' has no len()");
  }
}

namespace {

NextItem iterate_text(Budget& budget, const Value& value) {
  return [&budget, value, byte = size_t{0}](Value& out) mutable {
    const std::string& text = value.text();
    if (byte >= text.size()) return false;
    const size_t begin = byte;
    next_code_point(text, byte);
    out = make_text(&budget, text.substr(begin, byte - begin), value.is_markup());
    return true;
  };
}

}  // namespace

std::optional<NextItem> try_iterate(Budget& budget, const Value& value) {
  switch (value.kind()) {
    case Kind::Undefined: return [](Value&) { return false; };
    case Kind::Text: return iterate_text(budget, value);
    case Kind::Sequence:
      return [&budget, list = value.sequence(), at = size_t{0}](Value& out) mutable {
        budget.step();
        if (at >= list->items.size()) return false;
        out = list->items[at++];
        return true;
      };
    case Kind::Dict:
      return [&budget, dict = value.dict(), at = size_t{0}](Value& out) mutable {
        budget.step();
        if (at >= dict->entries.size()) return false;
        out = dict->entries.all()[at++].first;
        return true;
      };
    case Kind::Generator:
      return [&budget, generator = value.generator()](Value& out) {
        const Depth depth(budget);
        return generator->next(out);
      };
    default: return std::nullopt;
  }
}

NextItem iterate(Budget& budget, const Value& value) {
  auto next = try_iterate(budget, value);
  if (!next) raise("TypeError", "'", type_name(value), "' object is not iterable");
  return std::move(*next);
}

Values to_items(Budget& budget, const Value& iterable) {
  const NextItem next = iterate(budget, iterable);
  Values items;
  for (Value item; next(item);) {
    if (items.size() == items.capacity()) budget.reserve(2 * sizeof(Value) * items.size());
    items.push_back(item);
  }
  return items;
}

std::string escape_text(Budget& budget, std::string_view text) {
  budget.work(text.size());
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\'': out += "&#39;"; break;
      case '"': out += "&#34;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string escaped(Budget& budget, const Value& value) {
  const std::string text = to_text(budget, value);
  return value.is_markup() ? text : escape_text(budget, text);
}

std::string replace_text(Budget& budget, std::string_view text, std::string_view old, std::string_view with,
                         Integer count) {
  budget.work(text.size());
  std::string out;
  size_t at = 0;
  for (; count != 0; --count) {
    // An empty `old` stands before each code point and at the end.
    const size_t found = old.empty() ? at : text.find(old, at);
    if (found == std::string_view::npos) break;
    out.append(text.substr(at, found - at));
    out += with;
    budget.reserve(out.size());
    at = found + old.size();
    if (!old.empty()) continue;
    if (at >= text.size()) break;
    const size_t begin = at;
    next_code_point(text, at);
    out.append(text.substr(begin, at - begin));
  }
  out.append(text.substr(std::min(at, text.size())));
  return out;
}

}  // namespace paceline::jinja

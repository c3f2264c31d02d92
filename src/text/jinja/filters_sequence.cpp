// Filters on sequences and mappings.
#include <algorithm>

#include "text/jinja/arguments.h"
#include "text/jinja/attribute_path.h"
#include "text/jinja/characters.h"
#include "text/jinja/filters.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"

namespace paceline::jinja {

Value without_case(Budget& budget, const Value& value) {
  return value.is(Kind::Text) ? make_text(&budget, to_lower(value.text())) : value;
}

std::vector<AttributePath> parse_paths(const Value* attribute) {
  std::vector<AttributePath> paths;
  if (attribute == nullptr || !attribute->is(Kind::Text)) {
    paths.emplace_back(attribute);
    return paths;
  }
  const std::string_view text = attribute->text();
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const Value part = make_text(nullptr, std::string(text.substr(at, end - at)));
    paths.emplace_back(&part);
    at = end + 1;
  }
  return paths;
}

Value keys_of(Interpreter& in, const std::vector<AttributePath>& paths, const Value& item, bool case_sensitive) {
  Values keys;
  for (const AttributePath& path : paths) {
    const Value key = path.of(in, item);
    keys.push_back(case_sensitive ? key : without_case(in.budget(), key));
  }
  return make_list(in.budget(), std::move(keys));
}

namespace {

using Keyed = std::pair<Value, Value>;  // key, item

void sort_by_key(Budget& budget, std::vector<Keyed>& items, bool reverse) {
  std::stable_sort(items.begin(), items.end(), [&](const Keyed& a, const Keyed& b) {
    return reverse ? ordered(budget, Order::Less, b.first, a.first) : ordered(budget, Order::Less, a.first, b.first);
  });
}

Value items_in_order(Interpreter& in, std::vector<Keyed>& keyed, bool reverse) {
  sort_by_key(in.budget(), keyed, reverse);
  Values items;
  for (Keyed& row : keyed) items.push_back(std::move(row.second));
  return make_list(in.budget(), std::move(items));
}

Value length_of(Interpreter&, const Value& input, Arguments& args) {
  expect_no_arguments("len", args);
  return Value(static_cast<Integer>(length(input)));
}

Value default_value(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("default", args, {"default_value", "boolean"});
  const bool replaced = input.is(Kind::Undefined) || (given.flag(1, false) && !truth(input));
  if (!replaced) return input;
  return given.find(0) == nullptr ? make_text(&in.budget(), "") : given.get(0);
}

Value first(Interpreter& in, const Value& input, Arguments& args) {
  expect_no_arguments("first", args);
  Value item;
  return iterate(in.budget(), input)(item) ? item : in.undefined("No first item, sequence was empty.");
}

bool is_reversible(const Value& value) {
  return value.is(Kind::Undefined) || value.is(Kind::Text) || value.is(Kind::Sequence) || value.is(Kind::Dict);
}

Value last(Interpreter& in, const Value& input, Arguments& args) {
  expect_no_arguments("last", args);
  if (!is_reversible(input)) raise("TypeError", "'", type_name(input), "' object is not reversible");
  const Values items = to_items(in.budget(), input);
  return items.empty() ? in.undefined("No last item, sequence was empty.") : items.back();
}

Value list(Interpreter& in, const Value& input, Arguments& args) {
  expect_no_arguments("list", args);
  return make_list(in.budget(), to_items(in.budget(), input));
}

NextItem from_list(Values items) {
  return [items = std::make_shared<Values>(std::move(items)), at = size_t{0}](Value& out) mutable {
    if (at >= items->size()) return false;
    out = (*items)[at++];
    return true;
  };
}

Value reverse(Interpreter& in, const Value& input, Arguments& args) {
  expect_no_arguments("reverse", args);
  Budget& budget = in.budget();
  if (input.is(Kind::Text)) return slice(budget, input, {Value(), Value(), Value(-1)});
  const auto next = try_iterate(budget, input);
  if (!next) raise("FilterArgumentError", "argument must be iterable");
  Values items = to_items(budget, input);
  std::reverse(items.begin(), items.end());
  if (!is_reversible(input)) return make_list(budget, std::move(items));
  return make_generator(budget, from_list(std::move(items)), input.nesting() + 1, "list_reverseiterator");
}

Value sort(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("sort", args, {"reverse", "case_sensitive", "attribute"});
  const std::vector<AttributePath> paths = parse_paths(given.find_some(2));
  std::vector<Keyed> keyed;
  for (const Value& item : to_items(in.budget(), input))
    keyed.emplace_back(keys_of(in, paths, item, given.flag(1, false)), item);
  return items_in_order(in, keyed, given.flag(0, false));
}

Value dictsort(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("dictsort", args, {"case_sensitive", "by", "reverse"});
  const std::string by = given.text(1, "key");
  if (by != "key" && by != "value") raise("FilterArgumentError", "You can only sort by either \"key\" or \"value\"");
  if (input.is(Kind::Undefined)) raise_undefined(input);
  if (!input.is(Kind::Dict)) raise("AttributeError", "'", type_name(input), "' object has no attribute 'items'");
  std::vector<Keyed> keyed;
  for (const auto& [key, value] : input.dict()->entries.all()) {
    const Value& sorted_by = by == "key" ? key : value;
    keyed.emplace_back(given.flag(0, false) ? sorted_by : without_case(in.budget(), sorted_by),
                       make_tuple(in.budget(), {key, value}));
  }
  return items_in_order(in, keyed, given.flag(2, false));
}

Value unique(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("unique", args, {"case_sensitive", "attribute"});
  const bool case_sensitive = given.flag(0, false);
  auto seen = std::make_shared<Entries>(&in.budget());
  return make_generator(
      in.budget(),
      [&in, seen, case_sensitive, path = AttributePath(given.find_some(1)),
       next = iterate(in.budget(), input)](Value& out) {
        while (next(out)) {
          const Value found = path.of(in, out), key = case_sensitive ? found : without_case(in.budget(), found);
          check_hashable(in.budget(), key);
          if (seen->find(key) != nullptr) continue;
          seen->set(key, Value());
          return true;
        }
        return false;
      },
      input.nesting() + 1);
}

template <Order Wanted>
Value extreme(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given(Wanted == Order::Less ? "min" : "max", args, {"case_sensitive", "attribute"});
  const AttributePath path(given.find_some(1));
  const NextItem next = iterate(in.budget(), input);
  Value best, best_key, item;
  bool any = false;
  while (next(item)) {
    const Value found = path.of(in, item), key = given.flag(0, false) ? found : without_case(in.budget(), found);
    if (any && !ordered(in.budget(), Wanted, key, best_key)) continue;
    best = item, best_key = key;
    any = true;
  }
  return any ? best : in.undefined("No aggregated item, sequence was empty.");
}

Value sum(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("sum", args, {"attribute", "start"});
  const AttributePath path(given.find_some(0));
  Value total = given.find(1) == nullptr ? Value(0) : given.get(1);
  if (total.is(Kind::Text)) raise("TypeError", "sum() can't sum strings [use ''.join(seq) instead]");
  const NextItem next = iterate(in.budget(), input);
  for (Value item; next(item);) total = add(in.budget(), total, path.of(in, item));
  return total;
}

Value batch(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("batch", args, {"linecount", "fill_with"}, 1);
  const Integer count = given.integer(0, 1);
  const Value fill = given.find(1) == nullptr ? Value() : given.get(1);
  return make_generator(
      in.budget(),
      [&in, count, fill, next = iterate(in.budget(), input), ended = false](Value& out) mutable {
        if (ended) return false;
        Values row;
        // A count below 1 never fills a row: all items come in one, as in Jinja.
        for (Value item; count < 1 || static_cast<Integer>(row.size()) < count;) {
          ended = !next(item);
          if (ended) break;
          in.budget().reserve(2 * sizeof(Value) * row.size());
          row.push_back(item);
        }
        if (row.empty()) return false;
        while (!fill.is(Kind::None) && static_cast<Integer>(row.size()) < count) {
          in.budget().step();
          in.budget().reserve(2 * sizeof(Value) * row.size());
          row.push_back(fill);
        }
        out = make_list(in.budget(), std::move(row));
        return true;
      },
      input.nesting() + 1);
}

Value slices(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("slice", args, {"slices", "fill_with"}, 1);
  const Integer count = given.integer(0, 1);
  const Value fill = given.find(1) == nullptr ? Value() : given.get(1);
  if (count == 0) raise("ZeroDivisionError", "integer division or modulo by zero");
  const auto items = std::make_shared<Values>(to_items(in.budget(), input));
  return make_generator(
      in.budget(),
      [&in, items, count, fill, number = Integer{0}, at = size_t{0}](Value& out) mutable {
        if (number >= count) return false;
        const auto size = static_cast<Integer>(items->size());
        const bool longer = number < size % count;
        const size_t end = at + static_cast<size_t>(size / count + (longer ? 1 : 0));
        Values row(items->begin() + static_cast<std::ptrdiff_t>(at), items->begin() + static_cast<std::ptrdiff_t>(end));
        if (!longer && !fill.is(Kind::None)) row.push_back(fill);
        at = end;
        ++number;
        out = make_list(in.budget(), std::move(row));
        return true;
      },
      input.nesting() + 1);
}

Value groupby(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("groupby", args, {"attribute", "default", "case_sensitive"}, 1);
  Budget& budget = in.budget();
  const AttributePath path(given.find(0));
  const bool case_sensitive = given.flag(2, false);
  std::vector<Keyed> keyed;
  for (const Value& item : to_items(budget, input)) {
    const Value key = path.of(in, item, given.find(1));
    keyed.emplace_back(case_sensitive ? key : without_case(budget, key), item);
  }
  sort_by_key(budget, keyed, false);
  Values groups;
  for (size_t start = 0, end = 0; start < keyed.size(); start = end) {
    Values members;
    for (end = start; end < keyed.size() && equal(budget, keyed[start].first, keyed[end].first); ++end) {
      members.push_back(keyed[end].second);
    }
    if (end == start) members.push_back(keyed[end++].second);  // not equal to itself: NaN
    const Value key = path.of(in, members[0], given.find(1));
    groups.push_back(make_sequence(budget, SequenceKind::Group, {key, make_list(budget, std::move(members))}));
  }
  return make_list(budget, std::move(groups));
}

Value items_of(Interpreter& in, const Value& input, Arguments& args) {
  expect_no_arguments("items", args);
  return make_generator(
      in.budget(),
      [&in, input, at = size_t{0}](Value& out) mutable {
        in.budget().step();
        if (input.is(Kind::Undefined)) return false;
        if (!input.is(Kind::Dict)) raise("TypeError", "Can only get item pairs from a mapping.");
        const auto& entries = input.dict()->entries.all();
        if (at >= entries.size()) return false;
        out = make_tuple(in.budget(), {entries[at].first, entries[at].second});
        ++at;
        return true;
      },
      input.nesting() + 1);
}

Value attribute(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("attr", args, {"name"}, 1);
  const std::string& name = given.text(0);
  Value found;
  if (find_attribute(in, input, name, found)) return found;
  return in.undefined(cat("'", object_type_repr(input), "' has no attribute ", to_repr(in.budget(), given.get(0))));
}

constexpr Filter kFilters[] = {{"attr", attribute},
                               {"batch", batch},
                               {"count", length_of},
                               {"d", default_value},
                               {"default", default_value},
                               {"dictsort", dictsort},
                               {"first", first},
                               {"groupby", groupby},
                               {"items", items_of},
                               {"last", last},
                               {"length", length_of},
                               {"list", list},
                               {"max", extreme<Order::Greater>},
                               {"min", extreme<Order::Less>},
                               {"reverse", reverse},
                               {"slice", slices},
                               {"sort", sort},
                               {"sum", sum},
                               {"unique", unique}};

}  // namespace

const Filter* find_sequence_filter(std::string_view name) { return find_in_table(kFilters, name); }

}  // namespace paceline::jinja

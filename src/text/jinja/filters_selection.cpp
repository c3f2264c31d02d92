// map, select, reject, selectattr and rejectattr: lazy, as in Jinja, so that what nobody asks for is never computed and never fails.
#include <algorithm>

#include "text/jinja/arguments.h"
#include "text/jinja/attribute_path.h"
#include "text/jinja/filters.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"
#include "text/jinja/tests.h"

namespace paceline::jinja {

namespace {

// A generator that starts when it is first asked. Falsy input gives nothing, whatever the arguments say.
template <class Start>
Value lazy(Interpreter& in, const Value& input, Start start) {
  auto next = std::make_shared<NextItem>();
  return make_generator(
      in.budget(),
      [next, input, start = std::move(start)](Value& out) mutable {
        if (!*next) {
          if (truth(input)) *next = start();
          else *next = [](Value&) { return false; };
        }
        return (*next)(out);
      },
      input.nesting() + 1);
}

const std::string& name_argument(Budget& budget, const Value& value, const char* what) {
  if (!value.is(Kind::Text)) raise("TemplateRuntimeError", "No ", what, " named ", to_repr(budget, value), ".");
  return value.text();
}

Values behind(const Values& values, size_t count) {
  return Values(values.begin() + static_cast<std::ptrdiff_t>(std::min(count, values.size())), values.end());
}

NextItem start_map(Interpreter& in, const Value& input, const Arguments& args) {
  const NextItem next = iterate(in.budget(), input);
  const bool by_attribute =
      args.positional.empty() && !args.named.empty() &&
      std::any_of(args.named.begin(), args.named.end(), [](const auto& row) { return row.first == "attribute"; });
  if (by_attribute) {
    const Parameters given("map", args, {"attribute", "default"});
    const Value otherwise = given.find(1) == nullptr ? Value() : given.get(1);
    return [&in, next, path = AttributePath(given.find(0)), otherwise](Value& out) {
      if (!next(out)) return false;
      out = path.of(in, out, &otherwise);
      return true;
    };
  }
  if (args.positional.empty()) raise("FilterArgumentError", "map requires a filter argument");
  const std::string name = name_argument(in.budget(), args.positional[0], "filter");
  return [&in, next, name, filter = find_filter(name),
          rest = Arguments{behind(args.positional, 1), args.named}](Value& out) {
    if (!next(out)) return false;
    const Depth depth(in.budget());
    Arguments copy = rest;
    out = apply_filter(in, name, filter, out, copy);
    return true;
  };
}

Value map(Interpreter& in, const Value& input, Arguments& args) {
  return lazy(in, input, [&in, input, args] { return start_map(in, input, args); });
}

NextItem start_selection(Interpreter& in, const Value& input, const Arguments& args, bool by_attribute, bool wanted) {
  if (by_attribute && args.positional.empty()) raise("FilterArgumentError", "Missing parameter for attribute name");
  const size_t test_at = by_attribute ? 1 : 0;
  const AttributePath path(by_attribute ? &args.positional[0] : nullptr);
  const bool has_test = args.positional.size() > test_at;
  const std::string name = has_test ? name_argument(in.budget(), args.positional[test_at], "test") : "";
  const Arguments rest{behind(args.positional, test_at + 1), args.named};
  return [&in, next = iterate(in.budget(), input), path, has_test, name, test = find_test(name), rest,
          wanted](Value& out) {
    while (next(out)) {
      const Depth depth(in.budget());
      const Value value = path.of(in, out);
      Arguments copy = rest;
      if ((has_test ? apply_test(in, name, test, value, copy) : truth(value)) == wanted) return true;
    }
    return false;
  };
}

template <bool ByAttribute, bool Wanted>
Value selection(Interpreter& in, const Value& input, Arguments& args) {
  return lazy(in, input, [&in, input, args] { return start_selection(in, input, args, ByAttribute, Wanted); });
}

constexpr Filter kFilters[] = {{"map", map},
                               {"reject", selection<false, false>},
                               {"rejectattr", selection<true, false>},
                               {"select", selection<false, true>},
                               {"selectattr", selection<true, true>}};

}  // namespace

const Filter* find_selection_filter(std::string_view name) { return find_in_table(kFilters, name); }

}  // namespace paceline::jinja

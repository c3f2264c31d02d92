#include "text/jinja/globals.h"

#include "text/jinja/arguments.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"

namespace paceline::jinja {

namespace {

using Body = Value (*)(Interpreter& in, Arguments& args);

class Builtin : public Function {
 public:
  Builtin(std::string name, Body body) : Function(std::move(name)), body_(body) {}
  Value call(Interpreter& in, Arguments& arguments) override { return body_(in, arguments); }

 private:
  Body body_;
};

Value range(Interpreter& in, Arguments& args) {
  const Parameters given("range", args, {"start", "stop", "step"}, 1, true);
  const auto bounded = [](Integer value) {
    if (value > INT64_MAX || value < INT64_MIN) raise("OverflowError", "range() arguments must fit 64 bits");
    return value;
  };
  const Integer one = bounded(given.integer(0, 0)), step = bounded(given.integer(2, 1));
  if (step == 0) raise("ValueError", "range() arg 3 must not be zero");
  if (given.find(1) == nullptr) return make_range(in.budget(), 0, one, 1);
  return make_range(in.budget(), one, bounded(given.integer(1, 0)), step);
}

// The mapping that dict(pairs or mapping, **named) makes, entry by entry.
template <class Set>
void fill_mapping(Interpreter& in, const char* function, Arguments& args, Set set) {
  if (args.positional.size() > 1)
    raise("TypeError", function, " expected at most 1 argument, got ", args.positional.size());
  if (!args.positional.empty()) {
    const Value& source = args.positional[0];
    if (source.is(Kind::Dict)) {
      for (const auto& [key, value] : source.dict()->entries.all()) set(key, value);
    } else {
      const NextItem next = iterate(in.budget(), source);
      for (Value pair; next(pair);) {
        const Values parts = to_items(in.budget(), pair);
        if (parts.size() != 2)
          raise("ValueError", "dictionary update sequence element has length ", parts.size(), "; 2 is required");
        set(parts[0], parts[1]);
      }
    }
  }
  for (const auto& [name, value] : args.named) set(make_text(&in.budget(), name), value);
}

Value dict(Interpreter& in, Arguments& args) {
  const auto result = make_dict(in.budget());
  fill_mapping(in, "dict", args,
               [&](const Value& key, const Value& value) { set_entry(in.budget(), *result, key, value); });
  return Value(result);
}

Value name_space(Interpreter& in, Arguments& args) {
  const auto result = in.make_namespace();
  fill_mapping(in, "namespace", args, [&](const Value& key, const Value& value) { result->entries.set(key, value); });
  return Value(result);
}

class Joiner : public Function {
 public:
  explicit Joiner(Value separator) : Function("joiner", separator.nesting() + 1), separator_(std::move(separator)) {}
  Value call(Interpreter& in, Arguments& arguments) override {
    expect_no_arguments("joiner", arguments);
    if (used_) return separator_;
    used_ = true;
    return make_text(&in.budget(), "");
  }
  const char* type_name() const override { return "Joiner"; }

 private:
  Value separator_;
  bool used_ = false;
};

Value joiner(Interpreter& in, Arguments& args) {
  const Parameters given("joiner", args, {"sep"});
  const Value separator = given.find(0) == nullptr ? make_text(&in.budget(), ", ") : given.get(0);
  return Value(std::shared_ptr<Function>(std::make_shared<Joiner>(separator)));
}

struct Cycle {
  Values items;
  size_t at = 0;
};

class CycleMethod : public Function {
 public:
  CycleMethod(std::string name, int nesting, std::shared_ptr<Cycle> cycle)
      : Function(std::move(name), nesting), cycle_(std::move(cycle)) {}
  Value call(Interpreter&, Arguments& arguments) override {
    expect_no_arguments("cycler", arguments);
    const size_t at = cycle_->at;
    cycle_->at = name() == "reset" ? 0 : (at + 1) % cycle_->items.size();
    return name() == "reset" ? Value() : cycle_->items[at];
  }

 private:
  std::shared_ptr<Cycle> cycle_;
};

class Cycler : public Function {
 public:
  Cycler(Values items, int nesting)
      : Function("cycler", nesting), cycle_(std::make_shared<Cycle>(Cycle{std::move(items)})) {}
  Value call(Interpreter&, Arguments&) override { raise("TypeError", "'Cycler' object is not callable"); }
  bool attribute(Interpreter&, std::string_view wanted, Value& out) override {
    if (wanted == "current") {
      out = cycle_->items[cycle_->at];
    } else if (wanted == "next" || wanted == "reset") {
      out = Value(std::shared_ptr<Function>(std::make_shared<CycleMethod>(std::string(wanted), nesting() + 1, cycle_)));
    } else {
      return false;
    }
    return true;
  }
  const char* type_name() const override { return "Cycler"; }

 private:
  std::shared_ptr<Cycle> cycle_;
};

Value cycler(Interpreter& in, Arguments& args) {
  if (args.positional.empty() || !args.named.empty()) raise("RuntimeError", "at least one item has to be provided");
  const int nesting = make_list(in.budget(), args.positional).nesting();
  in.budget().check_nesting(nesting + 1);
  return Value(std::shared_ptr<Function>(std::make_shared<Cycler>(args.positional, nesting)));
}

Value raise_exception(Interpreter& in, Arguments& args) {
  const Parameters given("raise_exception", args, {"message"}, 1);
  throw TemplateFailure("TemplateError", to_text(in.budget(), given.get(0)), 0);
}

Value strftime_now(Interpreter& in, Arguments& args) {
  const Parameters given("strftime_now", args, {"format"}, 1);
  // Directives a naive datetime fills differently from C: no zone, no fraction of a second.
  std::string format;
  const std::string& asked = given.text(0);
  for (size_t i = 0; i < asked.size(); ++i) {
    if (asked[i] != '%' || i + 1 >= asked.size()) {
      format += asked[i];
      continue;
    }
    const char directive = asked[++i];
    if (directive == 'f') format += "000000";
    else if (directive != 'z' && directive != 'Z') (format += '%') += directive;
  }
  if (format.empty()) return make_text(&in.budget(), "");
  std::string text(4096, '\0');
  const std::tm now = in.now();
  text.resize(std::strftime(text.data(), text.size(), format.c_str(), &now));
  if (text.empty()) raise("ValueError", "strftime_now: the format is too long or invalid");
  return make_text(&in.budget(), text);
}

Value lipsum(Interpreter&, Arguments&) {
  raise("TypeError", "lipsum() is not supported in chat templates: its output is random");
}

}  // namespace

void add_globals(Interpreter& in, Scope& scope) {
  static constexpr std::pair<const char*, Body> kGlobals[] = {{"range", range},
                                                              {"dict", dict},
                                                              {"namespace", name_space},
                                                              {"joiner", joiner},
                                                              {"cycler", cycler},
                                                              {"lipsum", lipsum},
                                                              {"raise_exception", raise_exception},
                                                              {"strftime_now", strftime_now}};
  in.budget().step();
  for (const auto& [name, body] : kGlobals) {
    scope.set(name, Value(std::shared_ptr<Function>(std::make_shared<Builtin>(name, body))));
  }
}

}  // namespace paceline::jinja

// Methods of list, tuple, range and dict, and the attributes of everything. list.pop and list.clear are the two changes that Jinja's
// immutable sandbox lets through; templates rely on the first.
#include <algorithm>

#include "text/jinja/arguments.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/loop.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"

namespace paceline::jinja {

namespace {

Value list_copy(Interpreter& in, const Value& self, Arguments& args) {
  expect_no_arguments("list.copy", args);
  return make_list(in.budget(), self.sequence()->items);
}

Value list_clear(Interpreter&, const Value& self, Arguments& args) {
  expect_no_arguments("list.clear", args);
  self.sequence()->items.clear();
  return Value();
}

Value list_pop(Interpreter& in, const Value& self, Arguments& args) {
  const Parameters given("list.pop", args, {"index"}, 0, true);
  Values& items = self.sequence()->items;
  if (items.empty()) raise("IndexError", "pop from empty list");
  Integer at = given.integer(0, -1);
  if (at < 0) at += static_cast<Integer>(items.size());
  if (at < 0 || at >= static_cast<Integer>(items.size())) raise("IndexError", "pop index out of range");
  in.budget().work(items.size() * sizeof(Value));
  const Value item = items[static_cast<size_t>(at)];
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(at));
  return item;
}

Value sequence_count(Interpreter& in, const Value& self, Arguments& args) {
  const Parameters given("count", args, {"value"}, 1, true);
  Integer found = 0;
  for (const Value& item : self.sequence()->items) found += equal(in.budget(), item, given.get(0)) ? 1 : 0;
  return Value(found);
}

Value sequence_index(Interpreter& in, const Value& self, Arguments& args) {
  const Parameters given("index", args, {"value", "start", "stop"}, 1, true);
  const Values& items = self.sequence()->items;
  const size_t stop = clamp_index(given.integer(2, static_cast<Integer>(items.size())), items.size());
  for (size_t i = clamp_index(given.integer(1, 0), items.size()); i < stop; ++i) {
    if (equal(in.budget(), items[i], given.get(0))) return Value(static_cast<Integer>(i));
  }
  raise("ValueError", to_repr(in.budget(), given.get(0)), " is not in ", type_name(self));
}

constexpr Method kListMethods[] = {{"append", nullptr},       {"clear", list_clear}, {"copy", list_copy},
                                   {"count", sequence_count}, {"extend", nullptr},   {"insert", nullptr},
                                   {"pop", list_pop},         {"remove", nullptr},   {"index", sequence_index},
                                   {"reverse", nullptr},      {"sort", nullptr}};
constexpr Method kTupleMethods[] = {{"count", sequence_count}, {"index", sequence_index}};

template <SequenceKind Which>
Value dict_view(Interpreter& in, const Value& self, Arguments& args) {
  expect_no_arguments("dict view", args);
  Values items;
  for (const auto& [key, value] : self.dict()->entries.all()) {
    if (Which == SequenceKind::Keys) items.push_back(key);
    else if (Which == SequenceKind::Values) items.push_back(value);
    else items.push_back(make_tuple(in.budget(), {key, value}));
  }
  return make_sequence(in.budget(), Which, std::move(items));
}

Value dict_get(Interpreter& in, const Value& self, Arguments& args) {
  const Parameters given("dict.get", args, {"key", "default"}, 1, true);
  check_hashable(in.budget(), given.get(0));
  const Value* found = self.dict()->entries.find(given.get(0));
  return found != nullptr ? *found : given.find(1) != nullptr ? given.get(1) : Value();
}

Value dict_copy(Interpreter& in, const Value& self, Arguments& args) {
  expect_no_arguments("dict.copy", args);
  const auto copy = make_dict(in.budget());
  for (const auto& [key, value] : self.dict()->entries.all()) set_entry(in.budget(), *copy, key, value);
  return Value(copy);
}

Value dict_fromkeys(Interpreter& in, const Value&, Arguments& args) {
  const Parameters given("dict.fromkeys", args, {"iterable", "value"}, 1, true);
  const auto dict = make_dict(in.budget());
  const NextItem next = iterate(in.budget(), given.get(0));
  for (Value key; next(key);) set_entry(in.budget(), *dict, key, given.find(1) == nullptr ? Value() : given.get(1));
  return Value(dict);
}

constexpr Method kDictMethods[] = {{"clear", nullptr},
                                   {"copy", dict_copy},
                                   {"fromkeys", dict_fromkeys},
                                   {"get", dict_get},
                                   {"items", dict_view<SequenceKind::Items>},
                                   {"keys", dict_view<SequenceKind::Keys>},
                                   {"pop", nullptr},
                                   {"popitem", nullptr},
                                   {"setdefault", nullptr},
                                   {"update", nullptr},
                                   {"values", dict_view<SequenceKind::Values>}};

template <size_t Count>
const Method* find_in(const Method (&table)[Count], std::string_view name) {
  const auto* at = std::find_if(table, table + Count, [name](const Method& row) { return row.name == name; });
  return at == table + Count ? nullptr : at;
}

class BoundMethod : public Function {
 public:
  BoundMethod(const Method& method, const Value& self)
      : Function(std::string(method.name), self.nesting() + 1), body_(method.body), self_(self) {}

  Value call(Interpreter& in, Arguments& arguments) override {
    if (self_.is(Kind::Text)) in.budget().work(self_.text().size());
    return body_(in, self_, arguments);
  }
  const char* type_name() const override { return "builtin_function_or_method"; }
  std::string described() const override {
    return cat("<built-in method ", name(), " of ", jinja::type_name(self_), " object>");
  }

 private:
  MethodBody body_;
  Value self_;
};

class LoopMethod : public Function {
 public:
  LoopMethod(std::string name, std::shared_ptr<Loop> loop) : Function(std::move(name)), loop_(std::move(loop)) {}

  Value call(Interpreter&, Arguments& arguments) override {
    if (!arguments.named.empty()) raise("TypeError", "loop.", name(), "() takes no keyword arguments");
    return name() == "cycle" ? loop_->cycle(arguments.positional) : Value(loop_->changed(arguments.positional));
  }

 private:
  std::shared_ptr<Loop> loop_;
};

const Method* method_of(const Value& value, std::string_view name) {
  if (value.is(Kind::Text)) return find_text_method(name);
  if (value.is(Kind::Dict)) return find_dict_method(name);
  return value.is(Kind::Sequence) ? find_sequence_method(value.sequence()->kind, name) : nullptr;
}

Value unsafe(Interpreter& in, const Value& value, std::string_view name) {
  return make_undefined(in.budget(),
                        cat("access to attribute ", to_repr(in.budget(), make_text(&in.budget(), std::string(name))),
                            " of '", type_name(value), "' object is unsafe."),
                        "SecurityError");
}

bool find_range_attribute(const SequenceData& range, std::string_view name, Value& out) {
  if (name == "start") out = range.start;
  else if (name == "stop") out = range.stop;
  else if (name == "step") out = range.step;
  else return false;
  return true;
}

bool find_number_attribute(const Value& number, std::string_view name, Value& out) {
  const bool is_float = number.is(Kind::Float);
  const Value whole = is_float ? number : Value(number.integer());
  if (name == "real" || (name == "numerator" && !is_float)) out = whole;
  else if (name == "imag") out = is_float ? Value(0.0) : Value(0);
  else if (name == "denominator" && !is_float) out = Value(1);
  else return false;
  return true;
}

bool find_special_attribute(Interpreter& in, const Value& value, std::string_view name, Value& out) {
  if (value.is(Kind::Namespace)) {
    const Value* found = value.name_space()->entries.find(make_text(&in.budget(), std::string(name)));
    if (found != nullptr) out = *found;
    return found != nullptr;
  }
  if (value.is(Kind::Loop)) {
    if (name == "cycle" || name == "changed") {
      out = Value(std::shared_ptr<Function>(std::make_shared<LoopMethod>(std::string(name), value.loop())));
      return true;
    }
    const auto found = value.loop()->attribute(in, name);
    if (found) out = *found;
    return found.has_value();
  }
  if (value.is(Kind::Function)) return value.function()->attribute(in, name, out);
  if (value.is_number()) return find_number_attribute(value, name, out);
  if (value.is_sequence(SequenceKind::Range)) return find_range_attribute(*value.sequence(), name, out);
  if (value.is_sequence(SequenceKind::Group) && (name == "grouper" || name == "list")) {
    out = value.sequence()->items[name == "list"];
    return true;
  }
  return false;
}

Value missing(Interpreter& in, const Value& value, const Value& name) {
  Budget& budget = in.budget();
  if (!name.is(Kind::Text))
    return make_undefined(budget, cat(object_type_repr(value), " has no element ", to_repr(budget, name)));
  const std::string type = object_type_repr(value);
  return make_undefined(budget, cat("'", type, "' has no attribute ", to_repr(budget, name)));
}

}  // namespace

const Method* find_dict_method(std::string_view name) { return find_in(kDictMethods, name); }

const Method* find_sequence_method(SequenceKind kind, std::string_view name) {
  if (kind == SequenceKind::List) return find_in(kListMethods, name);
  const bool has_methods = kind == SequenceKind::Tuple || kind == SequenceKind::Group || kind == SequenceKind::Range;
  return has_methods ? find_in(kTupleMethods, name) : nullptr;
}

bool find_attribute(Interpreter& in, const Value& value, std::string_view name, Value& out) {
  if (value.is(Kind::Undefined)) raise_undefined(value);
  if (find_special_attribute(in, value, name, out)) return true;
  if (const Method* method = method_of(value, name)) {
    out = method->body == nullptr ? unsafe(in, value, name)
                                  : Value(std::shared_ptr<Function>(std::make_shared<BoundMethod>(*method, value)));
    return true;
  }
  // Every Python object has attributes like __class__; the sandbox refuses them all.
  const bool internal = name.size() > 4 && name.starts_with("__") && name.ends_with("__");
  if (!internal || value.is(Kind::Dict)) return false;
  out = unsafe(in, value, name);
  return true;
}

Value get_attribute(Interpreter& in, const Value& value, std::string_view name) {
  Value found;
  if (find_attribute(in, value, name, found)) return found;
  const Value key = make_text(&in.budget(), std::string(name));
  if (const auto item = subscript(in.budget(), value, key)) return *item;
  return missing(in, value, key);
}

Value get_item(Interpreter& in, const Value& value, const Value& index) {
  if (const auto item = subscript(in.budget(), value, index)) return *item;
  Value found;
  if (index.is(Kind::Text) && find_attribute(in, value, index.text(), found)) return found;
  return missing(in, value, index);
}

}  // namespace paceline::jinja

#include "text/jinja/tests.h"

#include "text/jinja/arguments.h"
#include "text/jinja/characters.h"
#include "text/jinja/filters.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"

namespace paceline::jinja {

namespace {

template <bool (*Holds)(const Value&)>
bool plain(Interpreter&, const Value& input, Arguments& args) {
  expect_no_arguments("test", args);
  return Holds(input);
}

template <Kind Wanted>
bool of_kind(const Value& value) {
  return value.is(Wanted);
}

bool is_defined(const Value& value) { return !value.is(Kind::Undefined); }
bool is_true(const Value& value) { return value.is(Kind::Bool) && value.boolean(); }
bool is_false(const Value& value) { return value.is(Kind::Bool) && !value.boolean(); }
bool is_number(const Value& value) { return value.is_number(); }
bool is_markup(const Value& value) { return value.is_markup(); }

bool is_iterable(const Value& value) {
  return value.is(Kind::Undefined) || value.is(Kind::Text) || value.is(Kind::Sequence) || value.is(Kind::Dict) ||
         value.is(Kind::Generator) || value.is(Kind::Loop);
}

bool is_sequence(const Value& value) {
  if (value.is(Kind::Sequence)) {
    const SequenceKind kind = value.sequence()->kind;
    return kind != SequenceKind::Keys && kind != SequenceKind::Values && kind != SequenceKind::Items;
  }
  return value.is(Kind::Text) || value.is(Kind::Dict) || value.is(Kind::Undefined);
}

bool is_callable(const Value& value) {
  return value.is(Kind::Function) || value.is(Kind::Loop) || value.is(Kind::Undefined);
}

template <bool Upper>
bool is_cased(Interpreter& in, const Value& input, Arguments& args) {
  expect_no_arguments(Upper ? "upper" : "lower", args);
  return has_case(to_text(in.budget(), input), Upper);
}

template <int Remainder>
bool has_parity(Interpreter& in, const Value& input, Arguments& args) {
  expect_no_arguments(Remainder == 1 ? "odd" : "even", args);
  return equal(in.budget(), modulo(in.budget(), input, Value(2)), Value(Remainder));
}

bool divisible(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("divisibleby", args, {"num"}, 1);
  return equal(in.budget(), modulo(in.budget(), input, given.get(0)), Value(0));
}

template <Order Wanted>
bool is_ordered(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("comparison", args, {"other"}, 1, true);
  return ordered(in.budget(), Wanted, input, given.get(0));
}

template <bool Wanted>
bool is_equal(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("comparison", args, {"other"}, 1, true);
  return equal(in.budget(), input, given.get(0)) == Wanted;
}

bool is_in(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("in", args, {"seq"}, 1);
  return contains(in.budget(), given.get(0), input);
}

bool is_same(Interpreter&, const Value& input, Arguments& args) {
  const Parameters given("sameas", args, {"other"}, 1);
  return input.same_object(given.get(0));
}

bool is_filter(Interpreter& in, const Value& input, Arguments& args) {
  expect_no_arguments("filter", args);
  check_hashable(in.budget(), input);
  return input.is(Kind::Text) && find_filter(input.text()) != nullptr;
}

bool is_test(Interpreter& in, const Value& input, Arguments& args) {
  expect_no_arguments("test", args);
  check_hashable(in.budget(), input);
  return input.is(Kind::Text) && find_test(input.text()) != nullptr;
}

constexpr Test kTests[] = {{"!=", is_equal<false>},
                           {"<", is_ordered<Order::Less>},
                           {"<=", is_ordered<Order::LessEqual>},
                           {"==", is_equal<true>},
                           {">", is_ordered<Order::Greater>},
                           {">=", is_ordered<Order::GreaterEqual>},
                           {"boolean", plain<of_kind<Kind::Bool>>},
                           {"callable", plain<is_callable>},
                           {"defined", plain<is_defined>},
                           {"divisibleby", divisible},
                           {"eq", is_equal<true>},
                           {"equalto", is_equal<true>},
                           {"escaped", plain<is_markup>},
                           {"even", has_parity<0>},
                           {"false", plain<is_false>},
                           {"filter", is_filter},
                           {"float", plain<of_kind<Kind::Float>>},
                           {"ge", is_ordered<Order::GreaterEqual>},
                           {"greaterthan", is_ordered<Order::Greater>},
                           {"gt", is_ordered<Order::Greater>},
                           {"in", is_in},
                           {"integer", plain<of_kind<Kind::Int>>},
                           {"iterable", plain<is_iterable>},
                           {"le", is_ordered<Order::LessEqual>},
                           {"lessthan", is_ordered<Order::Less>},
                           {"lower", is_cased<false>},
                           {"lt", is_ordered<Order::Less>},
                           {"mapping", plain<of_kind<Kind::Dict>>},
                           {"ne", is_equal<false>},
                           {"none", plain<of_kind<Kind::None>>},
                           {"number", plain<is_number>},
                           {"odd", has_parity<1>},
                           {"sameas", is_same},
                           {"sequence", plain<is_sequence>},
                           {"string", plain<of_kind<Kind::Text>>},
                           {"test", is_test},
                           {"true", plain<is_true>},
                           {"undefined", plain<of_kind<Kind::Undefined>>},
                           {"upper", is_cased<true>}};

}  // namespace

const Test* find_test(std::string_view name) {
  for (const Test& test : kTests) {
    if (test.name == name) return &test;
  }
  return nullptr;
}

bool apply_test(Interpreter& in, const std::string& name, const Test* test, const Value& input, Arguments& arguments) {
  if (test == nullptr) raise("TemplateRuntimeError", "No test named '", name, "' found.");
  return test->body(in, input, arguments);
}

}  // namespace paceline::jinja

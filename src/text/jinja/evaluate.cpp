// Expressions.
#include "text/jinja/filters.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/loop.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"
#include "text/jinja/tests.h"

namespace paceline::jinja {

Value Interpreter::evaluate(const Expression& expression, const ScopePtr& scope) {
  const Depth depth(budget_);
  const auto operand = [&](size_t index) { return evaluate(*expression.operands[index], scope); };
  switch (expression.kind) {
    case ExpressionKind::Constant: return expression.constant;
    case ExpressionKind::Name: return look_up(expression.name, scope);
    case ExpressionKind::Tuple:
    case ExpressionKind::List:
    case ExpressionKind::Dict: return evaluate_items(expression, scope);
    case ExpressionKind::Conditional: return evaluate_conditional(expression, scope);
    case ExpressionKind::Or: {
      const Value left = operand(0);
      return truth(left) ? left : operand(1);
    }
    case ExpressionKind::And: {
      const Value left = operand(0);
      return truth(left) ? operand(1) : left;
    }
    case ExpressionKind::Not: return Value(!truth(operand(0)));
    case ExpressionKind::Compare: return evaluate_compare(expression, scope);
    case ExpressionKind::Add:
    case ExpressionKind::Subtract:
    case ExpressionKind::Multiply:
    case ExpressionKind::Divide:
    case ExpressionKind::FloorDivide:
    case ExpressionKind::Modulo:
    case ExpressionKind::Power: return evaluate_arithmetic(expression, scope);
    case ExpressionKind::Concatenate: return evaluate_concatenation(expression, scope);
    case ExpressionKind::Negate: return negate(operand(0));
    case ExpressionKind::Positive: return positive(operand(0));
    case ExpressionKind::Attribute: return get_attribute(*this, operand(0), expression.name);
    case ExpressionKind::Item: {
      const Value value = operand(0);
      return get_item(*this, value, operand(1));
    }
    case ExpressionKind::Slice: {
      const Value value = operand(0);
      const Value start = evaluate_optional(expression.operands[1], scope);
      const Value stop = evaluate_optional(expression.operands[2], scope);
      return slice(budget_, value, {start, stop, evaluate_optional(expression.operands[3], scope)});
    }
    case ExpressionKind::Call: return evaluate_call(expression, scope);
    case ExpressionKind::Filter: return evaluate_filter(expression, scope, nullptr);
    case ExpressionKind::Test: return evaluate_test(expression, scope);
  }
  return Value();
}

Value Interpreter::evaluate_optional(const ExpressionPtr& expression, const ScopePtr& scope) {
  return expression ? evaluate(*expression, scope) : Value();
}

Value Interpreter::look_up(const std::string& name, const ScopePtr& scope) {
  for (const Scope* at = scope.get(); at != nullptr; at = at->parent.get()) {
    budget_.step(static_cast<int64_t>(at->variables.size() / 16));
    if (const Value* found = at->find_here(name)) return *found;
  }
  return undefined(cat("'", name, "' is undefined"));
}

Value Interpreter::evaluate_items(const Expression& expression, const ScopePtr& scope) {
  Values items;
  for (const ExpressionPtr& operand : expression.operands) items.push_back(evaluate(*operand, scope));
  if (expression.kind == ExpressionKind::List) return make_list(budget_, std::move(items));
  if (expression.kind == ExpressionKind::Tuple) return make_tuple(budget_, std::move(items));
  const auto dict = make_dict(budget_);
  for (size_t i = 0; i + 1 < items.size(); i += 2) set_entry(budget_, *dict, items[i], items[i + 1]);
  return Value(dict);
}

Value Interpreter::evaluate_conditional(const Expression& expression, const ScopePtr& scope) {
  if (truth(evaluate(*expression.operands[0], scope))) return evaluate(*expression.operands[1], scope);
  if (expression.operands[2]) return evaluate(*expression.operands[2], scope);
  return undefined(cat("the inline if-expression on line ", expression.line,
                       " evaluated to false and no else section was defined."));
}

Value Interpreter::evaluate_arithmetic(const Expression& expression, const ScopePtr& scope) {
  const Value left = evaluate(*expression.operands[0], scope), right = evaluate(*expression.operands[1], scope);
  switch (expression.kind) {
    case ExpressionKind::Add: return add(budget_, left, right);
    case ExpressionKind::Subtract: return subtract(left, right);
    case ExpressionKind::Multiply: return multiply(budget_, left, right);
    case ExpressionKind::Divide: return divide(left, right);
    case ExpressionKind::FloorDivide: return floor_divide(left, right);
    case ExpressionKind::Modulo: return modulo(budget_, left, right);
    default: return power(budget_, left, right);
  }
}

bool Interpreter::compare(Comparison comparison, const Value& left, const Value& right) {
  switch (comparison) {
    case Comparison::Equal: return equal(budget_, left, right);
    case Comparison::NotEqual: return !equal(budget_, left, right);
    case Comparison::Less: return ordered(budget_, Order::Less, left, right);
    case Comparison::LessEqual: return ordered(budget_, Order::LessEqual, left, right);
    case Comparison::Greater: return ordered(budget_, Order::Greater, left, right);
    case Comparison::GreaterEqual: return ordered(budget_, Order::GreaterEqual, left, right);
    case Comparison::In: return contains(budget_, right, left);
    case Comparison::NotIn: return !contains(budget_, right, left);
  }
  return false;
}

Value Interpreter::evaluate_compare(const Expression& expression, const ScopePtr& scope) {
  Value left = evaluate(*expression.operands[0], scope);
  for (size_t i = 0; i < expression.operators.size(); ++i) {
    Value right = evaluate(*expression.operands[i + 1], scope);
    if (!compare(expression.operators[i], left, right)) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Value Interpreter::evaluate_concatenation(const Expression& expression, const ScopePtr& scope) {
  std::string text;
  for (const ExpressionPtr& operand : expression.operands) {
    text += to_text(budget_, evaluate(*operand, scope));
    budget_.reserve(text.size());
  }
  return make_text(&budget_, std::move(text));
}

Arguments Interpreter::evaluate_arguments(const CallArguments& arguments, const ScopePtr& scope) {
  Arguments values;
  for (const ExpressionPtr& argument : arguments.positional) values.positional.push_back(evaluate(*argument, scope));
  for (const auto& [name, argument] : arguments.named) values.named.emplace_back(name, evaluate(*argument, scope));
  if (arguments.more_positional) {
    for (Value& item : to_items(budget_, evaluate(*arguments.more_positional, scope)))
      values.positional.push_back(std::move(item));
  }
  if (arguments.more_named) {
    const Value more = evaluate(*arguments.more_named, scope);
    if (!more.is(Kind::Dict)) raise("TypeError", "argument after ** must be a mapping, not ", type_name(more));
    for (const auto& [key, value] : more.dict()->entries.all()) {
      if (!key.is(Kind::Text)) raise("TypeError", "keywords must be strings");
      values.named.emplace_back(key.text(), value);
    }
  }
  return values;
}

Value Interpreter::evaluate_call(const Expression& expression, const ScopePtr& scope) {
  const Value callee = evaluate(*expression.operands[0], scope);
  Arguments arguments = evaluate_arguments(*expression.arguments, scope);
  return call(callee, arguments);
}

Value Interpreter::call(const Value& callee, Arguments& arguments) {
  const Depth depth(budget_);
  if (callee.is(Kind::Undefined)) raise_undefined(callee);
  if (callee.is(Kind::Loop)) return call_loop(*callee.loop(), arguments);
  if (!callee.is(Kind::Function)) raise("TypeError", "'", type_name(callee), "' object is not callable");
  return callee.function()->call(*this, arguments);
}

// `input` is there in filter blocks, whose innermost filter has no operand.
Value Interpreter::evaluate_filter(const Expression& expression, const ScopePtr& scope, const Value* input) {
  const Depth depth(budget_);
  Value value;
  const ExpressionPtr& operand = expression.operands[0];
  if (!operand) value = *input;
  else if (input != nullptr && operand->kind == ExpressionKind::Filter) value = evaluate_filter(*operand, scope, input);
  else value = evaluate(*operand, scope);
  Arguments arguments = evaluate_arguments(*expression.arguments, scope);
  return apply_filter(*this, expression.name, expression.filter, value, arguments);
}

Value Interpreter::evaluate_test(const Expression& expression, const ScopePtr& scope) {
  const Value value = evaluate(*expression.operands[0], scope);
  Arguments arguments = evaluate_arguments(*expression.arguments, scope);
  return Value(apply_test(*this, expression.name, expression.test, value, arguments));
}

}  // namespace paceline::jinja

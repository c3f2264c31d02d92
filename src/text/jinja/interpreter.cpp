#include "text/jinja/interpreter.h"

#include <algorithm>
#include <new>
#include <optional>

#include "text/jinja/globals.h"
#include "text/jinja/loop.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"

namespace paceline::jinja {

namespace {

constexpr size_t kScopeBytes = 128;

}  // namespace

const Value* Scope::find_here(std::string_view name) const {
  const auto at =
      std::find_if(variables.begin(), variables.end(), [name](const auto& row) { return row.first == name; });
  return at == variables.end() ? nullptr : &at->second;
}

void Scope::set(const std::string& name, Value value) {
  const auto at = std::find_if(variables.begin(), variables.end(), [&](const auto& row) { return row.first == name; });
  if (at != variables.end()) at->second = std::move(value);
  else variables.emplace_back(name, std::move(value));
}

// Redirects output into a text of its own for as long as it lives.
class Interpreter::Capture {
 public:
  explicit Capture(Interpreter& in)
      : in_(in), outer_(in.output_), outer_charge_(in.output_charge_), charge_(&in.budget_, 0) {
    in_.output_ = &text_;
    in_.output_charge_ = &charge_;
  }
  ~Capture() {
    in_.output_ = outer_;
    in_.output_charge_ = outer_charge_;
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  Value take() { return make_text(&in_.budget_, std::move(text_)); }

 private:
  Interpreter& in_;
  std::string* outer_;
  Charge* outer_charge_;
  std::string text_;
  Charge charge_;
};

Interpreter::~Interpreter() {
  for (const ScopePtr& scope : pinned_) scope->variables.clear();
  for (const auto& loop : loops_) loop->clear();
  for (const auto& data : namespaces_) data->entries.clear();
}

std::shared_ptr<NamespaceData> Interpreter::make_namespace() {
  namespaces_.push_back(std::make_shared<NamespaceData>(&budget_));
  return namespaces_.back();
}

ScopePtr Interpreter::child_of(const ScopePtr& parent) {
  budget_.step();
  auto scope = std::make_shared<Scope>();
  scope->parent = parent;
  return scope;
}

void Interpreter::pin(const ScopePtr& scope) {
  if (scope->pinned) return;
  budget_.allocate(kScopeBytes);
  scope->pinned = true;
  pinned_.push_back(scope);
}

void Interpreter::write(std::string_view text) {
  budget_.work(text.size());
  const size_t limit = budget_.limits().output_bytes;
  if (text.size() > limit - output_->size()) raise("LimitExceeded", "more than ", human_bytes(limit), " of output");
  output_charge_->grow(text.size());
  output_->append(text);
}

std::string Interpreter::render(const Block& block, const Json& context) {
  try {
    std::string output;
    Charge charge(&budget_, 0);
    output_ = &output;
    output_charge_ = &charge;
    auto globals = std::make_shared<Scope>();
    add_globals(*this, *globals);
    const ScopePtr root = child_of(globals);
    pin(root);
    for (const JsonMember& member : context.as_object().members())
      root->set(member.key, from_json(budget_, member.value));
    run(block, root);
    return output;
  } catch (const TemplateFailure& failure) {
    throw TemplateFailure(failure.kind(), failure.message(), failure.line() > 0 ? failure.line() : line_);
  } catch (const std::bad_alloc&) {
    throw TemplateFailure("LimitExceeded", "out of memory", line_);
  }
}

Interpreter::Flow Interpreter::run(const Block& block, const ScopePtr& scope) {
  for (const Statement& statement : block) {
    const Flow flow = run_statement(statement, scope);
    if (flow != Flow::Normal) return flow;
  }
  return Flow::Normal;
}

Interpreter::Flow Interpreter::run_statement(const Statement& statement, const ScopePtr& scope) {
  const Depth depth(budget_);
  line_ = statement.line;
  switch (statement.kind) {
    case StatementKind::Text: write(statement.name); break;
    case StatementKind::Print: run_print(statement, scope); break;
    case StatementKind::If: return run_if(statement, scope);
    case StatementKind::For: return run_for(statement, scope, evaluate(*statement.expressions[1], scope), 0);
    case StatementKind::Set:
      assign(*statement.expressions[0], evaluate(*statement.expressions[1], scope), scope);
      break;
    case StatementKind::SetBlock: return run_set_block(statement, scope);
    case StatementKind::Macro: define_macro(statement, scope); break;
    case StatementKind::CallBlock: run_call_block(statement, scope); break;
    case StatementKind::FilterBlock: return run_filter_block(statement, scope);
    case StatementKind::With: return run_with(statement, scope);
    case StatementKind::Scoped: return run_scoped(statement.blocks[0], scope);
    case StatementKind::Break: return Flow::Break;
    case StatementKind::Continue: return Flow::Continue;
    case StatementKind::Unsupported:
      raise("TypeError", "the tag '", statement.name,
            "' is not supported: a chat template stands alone and escapes nothing by itself");
  }
  return Flow::Normal;
}

void Interpreter::run_print(const Statement& statement, const ScopePtr& scope) {
  for (const ExpressionPtr& expression : statement.expressions) {
    const Value value = evaluate(*expression, scope);
    if (value.is(Kind::Text)) write(value.text());
    else write(to_text(budget_, value));
  }
}

Interpreter::Flow Interpreter::run_if(const Statement& statement, const ScopePtr& scope) {
  for (size_t i = 0; i < statement.expressions.size(); ++i) {
    if (truth(evaluate(*statement.expressions[i], scope))) return run(statement.blocks[i], scope);
  }
  const bool has_else = statement.blocks.size() > statement.expressions.size();
  return has_else ? run(statement.blocks.back(), scope) : Flow::Normal;
}

Interpreter::Flow Interpreter::run_scoped(const Block& block, const ScopePtr& parent) {
  return run(block, child_of(parent));
}

Interpreter::Flow Interpreter::run_with(const Statement& statement, const ScopePtr& scope) {
  const ScopePtr inner = child_of(scope);
  for (size_t i = 0; i + 1 < statement.expressions.size(); i += 2) {
    assign(*statement.expressions[i], evaluate(*statement.expressions[i + 1], scope), inner);
  }
  return run(statement.blocks[0], inner);
}

Interpreter::Flow Interpreter::run_set_block(const Statement& statement, const ScopePtr& scope) {
  Capture capture(*this);
  const Flow flow = run_scoped(statement.blocks[0], scope);
  if (flow != Flow::Normal) return flow;
  Value text = capture.take();
  if (const ExpressionPtr& filter = statement.expressions[1]) text = evaluate_filter(*filter, scope, &text);
  assign(*statement.expressions[0], std::move(text), scope);
  return Flow::Normal;
}

Interpreter::Flow Interpreter::run_filter_block(const Statement& statement, const ScopePtr& scope) {
  Value text;
  {
    Capture capture(*this);
    const Flow flow = run_scoped(statement.blocks[0], scope);
    if (flow != Flow::Normal) return flow;
    text = capture.take();
  }
  write(to_text(budget_, evaluate_filter(*statement.expressions[0], scope, &text)));
  return Flow::Normal;
}

// The items of `items` for which the statement's filter holds, found one by one as they are asked for.
NextItem Interpreter::filtered(const Statement& statement, const ScopePtr& scope, NextItem items) {
  return [this, &statement, scope, items = std::move(items)](Value& out) {
    while (items(out)) {
      const ScopePtr inner = child_of(scope);
      assign(*statement.expressions[0], out, inner);
      if (truth(evaluate(*statement.expressions[2], inner))) return true;
    }
    return false;
  };
}

Interpreter::Flow Interpreter::run_for(const Statement& statement, const ScopePtr& scope, const Value& iterable,
                                       int depth) {
  NextItem items = iterate(budget_, iterable);
  const bool has_filter = statement.expressions[2] != nullptr;
  if (has_filter) items = filtered(statement, scope, std::move(items));
  const auto loop = std::make_shared<Loop>(budget_, has_filter ? Value() : iterable, std::move(items), depth);
  if (statement.recursive) {
    loop->statement = &statement;
    loop->scope = scope;
    pin(scope);
  }
  // A loop that something still refers to at its end may be part of a circle; the others are forgotten.
  struct Keeper {
    std::vector<std::shared_ptr<Loop>>& loops;
    const std::shared_ptr<Loop>& loop;
    ~Keeper() {
      if (loops.back() == loop && loop.use_count() == 2) loops.pop_back();
    }
  };
  loops_.push_back(loop);
  const Keeper keeper{loops_, loop};
  return run_iterations(statement, scope, loop);
}

Interpreter::Flow Interpreter::run_iterations(const Statement& statement, const ScopePtr& scope,
                                              const std::shared_ptr<Loop>& loop) {
  ScopePtr inner;
  bool any = false;
  for (Value item; loop->advance(item); any = true) {
    budget_.step();
    if (inner.use_count() == 1) inner->variables.clear();
    else inner = child_of(scope);
    inner->set("loop", Value(loop));
    assign(*statement.expressions[0], item, inner);
    const Flow flow = run(statement.blocks[0], inner);
    if (inner->pinned) inner = nullptr;
    if (flow == Flow::Break) {
      any = true;
      break;
    }
  }
  return any ? Flow::Normal : run_scoped(statement.blocks[1], scope);
}

Value Interpreter::call_loop(Loop& loop, Arguments& arguments) {
  if (loop.statement == nullptr) {
    raise("TypeError", "The loop must have the 'recursive' marker to be called recursively.");
  }
  if (arguments.positional.size() != 1 || !arguments.named.empty())
    raise("TypeError", "loop() takes one argument: what to loop over");
  const ScopePtr scope = loop.scope;
  Capture capture(*this);
  run_for(*loop.statement, scope, arguments.positional[0], loop.depth() + 1);
  return capture.take();
}

void Interpreter::assign(const Expression& target, Value value, const ScopePtr& scope) {
  const Depth depth(budget_);
  if (target.kind == ExpressionKind::Name) {
    budget_.step(static_cast<int64_t>(scope->variables.size() / 16));
    scope->set(target.name, std::move(value));
    return;
  }
  if (target.kind == ExpressionKind::Attribute) {
    const Value object = look_up(target.operands[0]->name, scope);
    if (!object.is(Kind::Namespace)) raise("TemplateRuntimeError", "cannot assign attribute on non-namespace object");
    object.name_space()->entries.set(make_text(&budget_, target.name), std::move(value));
    return;
  }
  const size_t expected = target.operands.size();
  const auto next = try_iterate(budget_, value);
  if (!next) raise("TypeError", "cannot unpack non-iterable ", type_name(value), " object");
  Value item;
  for (size_t i = 0; i < expected; ++i) {
    if (!(*next)(item)) raise("ValueError", "not enough values to unpack (expected ", expected, ", got ", i, ")");
    assign(*target.operands[i], item, scope);
  }
  if ((*next)(item)) raise("ValueError", "too many values to unpack (expected ", expected, ")");
}

namespace {

class Macro : public Function {
 public:
  Macro(const Statement& statement, ScopePtr scope)
      : Function(statement.name), statement_(statement), scope_(std::move(scope)) {}

  Value call(Interpreter& in, Arguments& arguments) override {
    return in.call_macro(name(), *statement_.macro, statement_.blocks[0], scope_, arguments);
  }

  bool attribute(Interpreter& in, std::string_view wanted, Value& out) override {
    if (wanted == "name") out = make_text(&in.budget(), name());
    else if (wanted == "catch_kwargs") out = Value(statement_.macro->uses_kwargs);
    else if (wanted == "catch_varargs") out = Value(statement_.macro->uses_varargs);
    else if (wanted == "caller") out = Value(statement_.macro->uses_caller);
    else if (wanted == "arguments") out = parameters(in.budget());
    else return false;
    return true;
  }

  const char* type_name() const override { return "Macro"; }
  std::string described() const override { return cat("<Macro '", name(), "'>"); }

 private:
  Value parameters(Budget& budget) const {
    Values names;
    for (const std::string& parameter : statement_.macro->parameters) names.push_back(make_text(&budget, parameter));
    return make_tuple(budget, std::move(names));
  }

  const Statement& statement_;
  ScopePtr scope_;
};

// Takes the named argument out of `arguments`.
bool take_named(Arguments& arguments, std::string_view name, Value& out) {
  const auto at = std::find_if(arguments.named.begin(), arguments.named.end(),
                               [name](const auto& row) { return row.first == name; });
  if (at == arguments.named.end()) return false;
  out = at->second;
  arguments.named.erase(at);
  return true;
}

}  // namespace

Value Interpreter::make_macro(const Statement& statement, const ScopePtr& scope) {
  pin(scope);
  budget_.allocate(kScopeBytes);
  return Value(std::shared_ptr<Function>(std::make_shared<Macro>(statement, scope)));
}

void Interpreter::define_macro(const Statement& statement, const ScopePtr& scope) {
  scope->set(statement.name, make_macro(statement, scope));
}

void Interpreter::run_call_block(const Statement& statement, const ScopePtr& scope) {
  const Expression& call_expression = *statement.expressions[0];
  const Value callee = evaluate(*call_expression.operands[0], scope);
  Arguments arguments = evaluate_arguments(*call_expression.arguments, scope);
  arguments.named.emplace_back("caller", make_macro(statement, scope));
  write(to_text(budget_, call(callee, arguments)));
}

Value Interpreter::call_macro(const std::string& name, const MacroSignature& macro, const Block& body,
                              const ScopePtr& parent, Arguments& arguments) {
  const ScopePtr scope = child_of(parent);
  const size_t count = macro.parameters.size(), first_default = count - macro.defaults.size();
  std::vector<std::optional<Value>> given(count);
  for (size_t i = 0; i < count; ++i) {
    Value value;
    if (i < arguments.positional.size()) given[i] = arguments.positional[i];
    else if (take_named(arguments, macro.parameters[i], value)) given[i] = value;
  }
  Value caller;
  if (macro.uses_caller) {
    scope->set("caller", take_named(arguments, "caller", caller) ? caller : undefined("No caller defined"));
  }
  if (macro.uses_kwargs) {
    const auto dict = make_dict(budget_);
    for (const auto& [key, value] : arguments.named) set_entry(budget_, *dict, make_text(&budget_, key), value);
    scope->set("kwargs", Value(dict));
  } else if (!arguments.named.empty()) {
    raise("TypeError", "macro '", name, "' takes no keyword argument '", arguments.named[0].first, "'");
  }
  const auto rest =
      arguments.positional.begin() + static_cast<std::ptrdiff_t>(std::min(count, arguments.positional.size()));
  if (macro.uses_varargs) scope->set("varargs", make_tuple(budget_, Values(rest, arguments.positional.end())));
  else if (rest != arguments.positional.end())
    raise("TypeError", "macro '", name, "' takes not more than ", count, " argument(s)");
  for (size_t i = 0; i < count; ++i) {
    if (given[i]) scope->set(macro.parameters[i], *given[i]);
    else if (i < first_default)
      scope->set(macro.parameters[i], undefined(cat("parameter '", macro.parameters[i], "' was not provided")));
    else scope->set(macro.parameters[i], evaluate(*macro.defaults[i - first_default], scope));
  }
  const int line = line_;
  Capture capture(*this);
  run(body, scope);
  line_ = line;
  return capture.take();
}

}  // namespace paceline::jinja

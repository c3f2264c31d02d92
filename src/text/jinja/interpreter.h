#pragma once
// Runs a template. Scopes, loops, macros and namespaces may refer to each other in circles; the interpreter remembers all that could and
// empties them when it goes, so nothing outlives it. One render, one interpreter.
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/value.h"

namespace paceline::jinja {

struct Scope {
  std::shared_ptr<Scope> parent;
  std::vector<std::pair<std::string, Value>> variables;
  bool pinned = false;  // something may refer to it that lives in it

  const Value* find_here(std::string_view name) const;
  void set(const std::string& name, Value value);
};
using ScopePtr = std::shared_ptr<Scope>;

class Interpreter {
 public:
  Interpreter(Budget& budget, const std::tm& now) : budget_(budget), now_(now) {}
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  std::string render(const Block& block, const Json& context);

  Budget& budget() { return budget_; }
  const std::tm& now() const { return now_; }
  Value call(const Value& callee, Arguments& arguments);
  Value undefined(std::string message) { return make_undefined(budget_, std::move(message)); }
  std::shared_ptr<NamespaceData> make_namespace();
  // The output of a macro's body in a scope below `parent`.
  Value call_macro(const std::string& name, const MacroSignature& macro, const Block& body, const ScopePtr& parent,
                   Arguments& arguments);
  Value call_loop(Loop& loop, Arguments& arguments);

 private:
  enum class Flow { Normal, Break, Continue };
  class Capture;

  // interpreter.cpp: statements
  Flow run(const Block& block, const ScopePtr& scope);
  Flow run_statement(const Statement& statement, const ScopePtr& scope);
  Flow run_if(const Statement& statement, const ScopePtr& scope);
  Flow run_scoped(const Block& block, const ScopePtr& parent);
  Flow run_with(const Statement& statement, const ScopePtr& scope);
  Flow run_set_block(const Statement& statement, const ScopePtr& scope);
  Flow run_filter_block(const Statement& statement, const ScopePtr& scope);
  Flow run_for(const Statement& statement, const ScopePtr& scope, const Value& iterable, int depth);
  Flow run_iterations(const Statement& statement, const ScopePtr& scope, const std::shared_ptr<Loop>& loop);
  NextItem filtered(const Statement& statement, const ScopePtr& scope, NextItem items);
  void run_print(const Statement& statement, const ScopePtr& scope);
  void run_call_block(const Statement& statement, const ScopePtr& scope);
  void define_macro(const Statement& statement, const ScopePtr& scope);
  Value make_macro(const Statement& statement, const ScopePtr& scope);
  void assign(const Expression& target, Value value, const ScopePtr& scope);
  void write(std::string_view text);
  void pin(const ScopePtr& scope);
  ScopePtr child_of(const ScopePtr& parent);

  // evaluate.cpp: expressions
  Value evaluate(const Expression& expression, const ScopePtr& scope);
  Value evaluate_optional(const ExpressionPtr& expression, const ScopePtr& scope);
  Value evaluate_arithmetic(const Expression& expression, const ScopePtr& scope);
  Value evaluate_compare(const Expression& expression, const ScopePtr& scope);
  Value evaluate_conditional(const Expression& expression, const ScopePtr& scope);
  Value evaluate_concatenation(const Expression& expression, const ScopePtr& scope);
  Value evaluate_items(const Expression& expression, const ScopePtr& scope);
  Value evaluate_call(const Expression& expression, const ScopePtr& scope);
  Value evaluate_filter(const Expression& expression, const ScopePtr& scope, const Value* input);
  Value evaluate_test(const Expression& expression, const ScopePtr& scope);
  bool compare(Comparison comparison, const Value& left, const Value& right);
  Arguments evaluate_arguments(const CallArguments& arguments, const ScopePtr& scope);
  Value look_up(const std::string& name, const ScopePtr& scope);

  Budget& budget_;
  std::tm now_;
  std::string* output_ = nullptr;
  Charge* output_charge_ = nullptr;
  int line_ = 0;  // of the statement that runs, for messages
  std::vector<ScopePtr> pinned_;
  std::vector<std::shared_ptr<Loop>> loops_;
  std::vector<std::shared_ptr<NamespaceData>> namespaces_;
};

}  // namespace paceline::jinja

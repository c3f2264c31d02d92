#pragma once
// Builds the syntax tree of a template, following Jinja 3.1's parser rule by rule (with the loopcontrols extension and the generation tag
// that Transformers adds). Nesting of parentheses, statements and operators is bounded.
#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"

namespace paceline::jinja {

// Throws TemplateFailure with the line of what is wrong.
Block parse_template(std::string_view source, const Limits& limits);

// The tokens of a template and where the parser is in them.
class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[at_]; }
  const Token& look() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  const Token& next() { return at_ + 1 < tokens_.size() ? tokens_[at_++] : tokens_[at_]; }
  bool at_name(std::string_view name) const { return current().is_name(name); }
  bool at_operator(std::string_view symbol) const { return current().is_operator(symbol); }
  bool skip_name(std::string_view name);
  bool skip_operator(std::string_view symbol);
  const Token& expect(TokenKind kind, std::string_view what);
  void expect_name(std::string_view name);
  void expect_operator(std::string_view symbol);
  [[noreturn]] void fail_here(const std::string& message) const;
  [[noreturn]] void fail_expected(std::string_view what) const;

 private:
  std::vector<Token> tokens_;
  size_t at_ = 0;
};

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& tokens) : tokens_(tokens) {}

  ExpressionPtr parse(bool with_conditional = true);
  // Several expressions with commas between them are a tuple; `end_name` also ends one.
  ExpressionPtr parse_tuple(bool with_conditional = true, std::string_view end_name = {}, bool in_parentheses = false);
  // Names, or tuples of names; with `allow_attribute` also name.attribute (of a namespace).
  ExpressionPtr parse_target(bool allow_attribute, std::string_view end_name = {});
  ExpressionPtr parse_filters(ExpressionPtr input, bool starts_inline);

  // Names read since the last clear: macros look for caller, varargs and kwargs among them.
  std::set<std::string>& names_read() { return names_read_; }

 private:
  friend class Nested;
  using Part = ExpressionPtr (ExpressionParser::*)();

  ExpressionPtr make(ExpressionKind kind, int line, std::vector<ExpressionPtr> operands = {}) const;
  void set_height(Expression& node) const;
  ExpressionPtr parse_conditional();
  ExpressionPtr parse_or();
  ExpressionPtr parse_and();
  ExpressionPtr parse_not();
  ExpressionPtr parse_compare();
  ExpressionPtr parse_sum();
  ExpressionPtr parse_concatenation();
  ExpressionPtr parse_product();
  ExpressionPtr parse_power();
  ExpressionPtr parse_unary(bool with_filters = true);
  ExpressionPtr parse_primary();
  ExpressionPtr parse_list();
  ExpressionPtr parse_dict();
  ExpressionPtr parse_postfix(ExpressionPtr node);
  ExpressionPtr parse_filters_and_tests(ExpressionPtr node);
  ExpressionPtr parse_dot(ExpressionPtr node);
  ExpressionPtr parse_brackets(ExpressionPtr node);
  ExpressionPtr parse_subscript(ExpressionPtr node);
  ExpressionPtr parse_call(ExpressionPtr node);
  ExpressionPtr parse_test(ExpressionPtr node);
  std::unique_ptr<CallArguments> parse_arguments();
  void parse_argument(CallArguments& arguments);

  TokenStream& tokens_;
  std::set<std::string> names_read_;
  int depth_ = 0;
};

}  // namespace paceline::jinja

#include <algorithm>

#include "text/jinja/filters.h"
#include "text/jinja/parser.h"
#include "text/jinja/tests.h"

namespace paceline::jinja {

namespace {

constexpr int kMaxNesting = 150;  // parentheses, brackets, blocks inside one another: each takes about 12 calls
constexpr int kMaxHeight = 300;   // operators after one another make a tree as high as they are many

}  // namespace

bool TokenStream::skip_name(std::string_view name) {
  const bool there = at_name(name);
  if (there) next();
  return there;
}

bool TokenStream::skip_operator(std::string_view symbol) {
  const bool there = at_operator(symbol);
  if (there) next();
  return there;
}

void TokenStream::fail_here(const std::string& message) const {
  throw TemplateFailure("TemplateSyntaxError", message, current().line);
}

void TokenStream::fail_expected(std::string_view what) const {
  if (current().kind == TokenKind::End) fail_here(cat("unexpected end of template, expected '", what, "'."));
  fail_here(cat("expected token '", what, "', got '", current().described(), "'"));
}

const Token& TokenStream::expect(TokenKind kind, std::string_view what) {
  if (current().kind != kind) fail_expected(what);
  return next();
}

void TokenStream::expect_name(std::string_view name) {
  if (!skip_name(name)) fail_expected(name);
}

void TokenStream::expect_operator(std::string_view symbol) {
  if (!skip_operator(symbol)) fail_expected(symbol);
}

// One level of nesting in the source.
class Nested {
 public:
  explicit Nested(ExpressionParser& parser) : parser_(parser) {
    if (++parser_.depth_ > kMaxNesting) {
      --parser_.depth_;
      throw TemplateFailure("LimitExceeded", cat("expressions nested more than ", kMaxNesting, " deep"),
                            parser_.tokens_.current().line);
    }
  }
  ~Nested() { --parser_.depth_; }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;

 private:
  ExpressionParser& parser_;
};

ExpressionPtr ExpressionParser::make(ExpressionKind kind, int line, std::vector<ExpressionPtr> operands) const {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->line = line;
  node->operands = std::move(operands);
  set_height(*node);
  return node;
}

void ExpressionParser::set_height(Expression& node) const {
  const auto add = [&node](const ExpressionPtr& child) {
    if (child) node.height = std::max(node.height, child->height + 1);
  };
  for (const ExpressionPtr& operand : node.operands) add(operand);
  if (node.arguments) {
    for (const ExpressionPtr& argument : node.arguments->positional) add(argument);
    for (const auto& [name, argument] : node.arguments->named) add(argument);
    add(node.arguments->more_positional);
    add(node.arguments->more_named);
  }
  if (node.height > kMaxHeight) {
    throw TemplateFailure("LimitExceeded",
                          cat("an expression of more than ", kMaxHeight, " operators inside one another"), node.line);
  }
}

namespace {

template <class... Pointers>
std::vector<ExpressionPtr> list_of(Pointers... pointers) {
  std::vector<ExpressionPtr> list;
  (list.push_back(std::move(pointers)), ...);
  return list;
}

}  // namespace

ExpressionPtr ExpressionParser::parse(bool with_conditional) {
  const Nested nested(*this);
  return with_conditional ? parse_conditional() : parse_or();
}

ExpressionPtr ExpressionParser::parse_conditional() {
  const Nested nested(*this);
  const int line = tokens_.current().line;
  ExpressionPtr value = parse_or();
  while (tokens_.skip_name("if")) {
    ExpressionPtr condition = parse_or();
    ExpressionPtr otherwise = tokens_.skip_name("else") ? parse_conditional() : nullptr;
    value =
        make(ExpressionKind::Conditional, line, list_of(std::move(condition), std::move(value), std::move(otherwise)));
  }
  return value;
}

ExpressionPtr ExpressionParser::parse_or() {
  const int line = tokens_.current().line;
  ExpressionPtr left = parse_and();
  while (tokens_.skip_name("or")) left = make(ExpressionKind::Or, line, list_of(std::move(left), parse_and()));
  return left;
}

ExpressionPtr ExpressionParser::parse_and() {
  const int line = tokens_.current().line;
  ExpressionPtr left = parse_not();
  while (tokens_.skip_name("and")) left = make(ExpressionKind::And, line, list_of(std::move(left), parse_not()));
  return left;
}

ExpressionPtr ExpressionParser::parse_not() {
  if (!tokens_.at_name("not")) return parse_compare();
  const Nested nested(*this);
  const int line = tokens_.next().line;
  return make(ExpressionKind::Not, line, list_of(parse_not()));
}

ExpressionPtr ExpressionParser::parse_compare() {
  static constexpr std::pair<std::string_view, Comparison> kSymbols[] = {
      {"==", Comparison::Equal},     {"!=", Comparison::NotEqual}, {"<", Comparison::Less},
      {"<=", Comparison::LessEqual}, {">", Comparison::Greater},   {">=", Comparison::GreaterEqual}};
  const int line = tokens_.current().line;
  std::vector<ExpressionPtr> operands = list_of(parse_sum());
  std::vector<Comparison> operators;
  for (;;) {
    const Token& token = tokens_.current();
    const auto* symbol = std::find_if(std::begin(kSymbols), std::end(kSymbols),
                                      [&](const auto& row) { return token.is_operator(row.first); });
    if (symbol != std::end(kSymbols)) {
      tokens_.next();
      operators.push_back(symbol->second);
    } else if (tokens_.skip_name("in")) {
      operators.push_back(Comparison::In);
    } else if (tokens_.at_name("not") && tokens_.look().is_name("in")) {
      tokens_.next();
      tokens_.next();
      operators.push_back(Comparison::NotIn);
    } else {
      break;
    }
    operands.push_back(parse_sum());
  }
  if (operators.empty()) return std::move(operands[0]);
  ExpressionPtr node = make(ExpressionKind::Compare, line, std::move(operands));
  node->operators = std::move(operators);
  return node;
}

ExpressionPtr ExpressionParser::parse_sum() {
  const int line = tokens_.current().line;
  ExpressionPtr left = parse_concatenation();
  while (tokens_.at_operator("+") || tokens_.at_operator("-")) {
    const ExpressionKind kind = tokens_.next().text == "+" ? ExpressionKind::Add : ExpressionKind::Subtract;
    left = make(kind, line, list_of(std::move(left), parse_concatenation()));
  }
  return left;
}

ExpressionPtr ExpressionParser::parse_concatenation() {
  const int line = tokens_.current().line;
  std::vector<ExpressionPtr> parts = list_of(parse_product());
  while (tokens_.skip_operator("~")) parts.push_back(parse_product());
  return parts.size() == 1 ? std::move(parts[0]) : make(ExpressionKind::Concatenate, line, std::move(parts));
}

ExpressionPtr ExpressionParser::parse_product() {
  static constexpr std::pair<std::string_view, ExpressionKind> kSymbols[] = {{"*", ExpressionKind::Multiply},
                                                                             {"/", ExpressionKind::Divide},
                                                                             {"//", ExpressionKind::FloorDivide},
                                                                             {"%", ExpressionKind::Modulo}};
  const int line = tokens_.current().line;
  ExpressionPtr left = parse_power();
  for (;;) {
    const auto* symbol = std::find_if(std::begin(kSymbols), std::end(kSymbols),
                                      [&](const auto& row) { return tokens_.at_operator(row.first); });
    if (symbol == std::end(kSymbols)) return left;
    tokens_.next();
    left = make(symbol->second, line, list_of(std::move(left), parse_power()));
  }
}

ExpressionPtr ExpressionParser::parse_power() {
  const int line = tokens_.current().line;
  ExpressionPtr left = parse_unary();
  while (tokens_.skip_operator("**")) left = make(ExpressionKind::Power, line, list_of(std::move(left), parse_unary()));
  return left;
}

ExpressionPtr ExpressionParser::parse_unary(bool with_filters) {
  const Nested nested(*this);
  const int line = tokens_.current().line;
  ExpressionPtr node;
  if (tokens_.skip_operator("-")) node = make(ExpressionKind::Negate, line, list_of(parse_unary(false)));
  else if (tokens_.skip_operator("+")) node = make(ExpressionKind::Positive, line, list_of(parse_unary(false)));
  else node = parse_primary();
  node = parse_postfix(std::move(node));
  return with_filters ? parse_filters_and_tests(std::move(node)) : std::move(node);
}

ExpressionPtr ExpressionParser::parse_primary() {
  const Token& token = tokens_.current();
  ExpressionPtr node = make(ExpressionKind::Constant, token.line);
  if (token.kind == TokenKind::Name) {
    if (token.text == "true" || token.text == "True") node->constant = Value(true);
    else if (token.text == "false" || token.text == "False") node->constant = Value(false);
    else if (token.text != "none" && token.text != "None") {
      node->kind = ExpressionKind::Name;
      node->name = token.text;
      names_read_.insert(token.text);
    }
    tokens_.next();
  } else if (token.kind == TokenKind::Text) {
    std::string text;
    while (tokens_.current().kind == TokenKind::Text) text += tokens_.next().text;
    node->constant = make_text(nullptr, std::move(text));
  } else if (token.kind == TokenKind::Number) {
    node->constant = tokens_.next().number;
  } else if (tokens_.skip_operator("(")) {
    node = parse_tuple(true, {}, true);
    tokens_.expect_operator(")");
  } else if (token.is_operator("[")) {
    return parse_list();
  } else if (token.is_operator("{")) {
    return parse_dict();
  } else {
    tokens_.fail_here(cat("unexpected '", token.described(), "'"));
  }
  return node;
}

ExpressionPtr ExpressionParser::parse_tuple(bool with_conditional, std::string_view end_name, bool in_parentheses) {
  const int line = tokens_.current().line;
  std::vector<ExpressionPtr> items;
  bool is_tuple = false;
  for (;;) {
    const Token& token = tokens_.current();
    if (token.kind == TokenKind::VariableEnd || token.kind == TokenKind::BlockEnd || token.is_operator(")")) break;
    if (!end_name.empty() && token.is_name(end_name)) break;
    items.push_back(parse(with_conditional));
    if (!tokens_.skip_operator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && !items.empty()) return std::move(items[0]);
  if (!is_tuple && !in_parentheses) {
    tokens_.fail_here(cat("Expected an expression, got '", tokens_.current().described(), "'"));
  }
  return make(ExpressionKind::Tuple, line, std::move(items));
}

ExpressionPtr ExpressionParser::parse_list() {
  const int line = tokens_.next().line;
  std::vector<ExpressionPtr> items;
  while (!tokens_.at_operator("]")) {
    if (!items.empty()) tokens_.expect_operator(",");
    if (tokens_.at_operator("]")) break;
    items.push_back(parse());
  }
  tokens_.expect_operator("]");
  return make(ExpressionKind::List, line, std::move(items));
}

ExpressionPtr ExpressionParser::parse_dict() {
  const int line = tokens_.next().line;
  std::vector<ExpressionPtr> items;
  while (!tokens_.at_operator("}")) {
    if (!items.empty()) tokens_.expect_operator(",");
    if (tokens_.at_operator("}")) break;
    items.push_back(parse());
    tokens_.expect_operator(":");
    items.push_back(parse());
  }
  tokens_.expect_operator("}");
  return make(ExpressionKind::Dict, line, std::move(items));
}

ExpressionPtr ExpressionParser::parse_postfix(ExpressionPtr node) {
  for (;;) {
    if (tokens_.at_operator(".")) node = parse_dot(std::move(node));
    else if (tokens_.at_operator("[")) node = parse_brackets(std::move(node));
    else if (tokens_.at_operator("(")) node = parse_call(std::move(node));
    else return node;
  }
}

ExpressionPtr ExpressionParser::parse_filters_and_tests(ExpressionPtr node) {
  for (;;) {
    if (tokens_.at_operator("|")) node = parse_filters(std::move(node), false);
    else if (tokens_.at_name("is")) node = parse_test(std::move(node));
    else if (tokens_.at_operator("(")) node = parse_call(std::move(node));
    else return node;
  }
}

ExpressionPtr ExpressionParser::parse_dot(ExpressionPtr node) {
  const int line = tokens_.next().line;
  const Token& token = tokens_.next();
  if (token.kind == TokenKind::Name) {
    ExpressionPtr attribute = make(ExpressionKind::Attribute, line, list_of(std::move(node)));
    attribute->name = token.text;
    return attribute;
  }
  if (token.kind != TokenKind::Number || !token.number.is(Kind::Int)) {
    throw TemplateFailure("TemplateSyntaxError", "expected name or number", token.line);
  }
  ExpressionPtr index = make(ExpressionKind::Constant, line);
  index->constant = token.number;
  return make(ExpressionKind::Item, line, list_of(std::move(node), std::move(index)));
}

// One subscript: an expression, or a slice around `node`. Two or more of them are a tuple, which no value here takes slices in.
ExpressionPtr ExpressionParser::parse_brackets(ExpressionPtr node) {
  const Nested nested(*this);
  const int line = tokens_.next().line;
  ExpressionPtr result = parse_subscript(std::move(node));
  if (tokens_.at_operator(",")) {
    if (result->kind == ExpressionKind::Slice) tokens_.fail_here("slices of several dimensions are not supported");
    std::vector<ExpressionPtr> items = list_of(std::move(result->operands[1]));
    while (tokens_.skip_operator(",") && !tokens_.at_operator("]")) items.push_back(parse());
    result->operands[1] = make(ExpressionKind::Tuple, line, std::move(items));
    set_height(*result);
  }
  tokens_.expect_operator("]");
  return result;
}

ExpressionPtr ExpressionParser::parse_subscript(ExpressionPtr node) {
  const int line = tokens_.current().line;
  const auto bound = [this]() -> ExpressionPtr {
    const bool left_out = tokens_.at_operator(":") || tokens_.at_operator("]") || tokens_.at_operator(",");
    return left_out ? nullptr : parse();
  };
  if (tokens_.at_operator("]")) tokens_.fail_here("expected subscript expression");
  ExpressionPtr start = bound();
  if (!tokens_.skip_operator(":")) return make(ExpressionKind::Item, line, list_of(std::move(node), std::move(start)));
  ExpressionPtr stop = bound();
  ExpressionPtr step = tokens_.skip_operator(":") ? bound() : nullptr;
  return make(ExpressionKind::Slice, line,
              list_of(std::move(node), std::move(start), std::move(stop), std::move(step)));
}

ExpressionPtr ExpressionParser::parse_call(ExpressionPtr node) {
  const int line = tokens_.current().line;
  ExpressionPtr call = make(ExpressionKind::Call, line, list_of(std::move(node)));
  call->arguments = parse_arguments();
  set_height(*call);
  return call;
}

std::unique_ptr<CallArguments> ExpressionParser::parse_arguments() {
  const Nested nested(*this);
  auto arguments = std::make_unique<CallArguments>();
  tokens_.expect_operator("(");
  for (bool first = true; !tokens_.at_operator(")"); first = false) {
    if (!first) {
      tokens_.expect_operator(",");
      if (tokens_.at_operator(")")) break;
    }
    parse_argument(*arguments);
  }
  tokens_.expect_operator(")");
  return arguments;
}

void ExpressionParser::parse_argument(CallArguments& arguments) {
  const auto ensure = [this](bool allowed) {
    if (!allowed) tokens_.fail_here("invalid syntax for function call expression");
  };
  if (tokens_.skip_operator("*")) {
    ensure(!arguments.more_positional && !arguments.more_named);
    arguments.more_positional = parse();
  } else if (tokens_.skip_operator("**")) {
    ensure(!arguments.more_named);
    arguments.more_named = parse();
  } else if (tokens_.current().kind == TokenKind::Name && tokens_.look().is_operator("=")) {
    ensure(!arguments.more_named);
    std::string name = tokens_.next().text;
    tokens_.next();
    arguments.named.emplace_back(std::move(name), parse());
  } else {
    ensure(!arguments.more_positional && !arguments.more_named && arguments.named.empty());
    arguments.positional.push_back(parse());
  }
}

ExpressionPtr ExpressionParser::parse_filters(ExpressionPtr input, bool starts_inline) {
  while (starts_inline || tokens_.skip_operator("|")) {
    starts_inline = false;
    const Token& token = tokens_.expect(TokenKind::Name, "name");
    ExpressionPtr node = make(ExpressionKind::Filter, token.line, list_of(std::move(input)));
    node->name = token.text;
    while (tokens_.skip_operator(".")) node->name += "." + tokens_.expect(TokenKind::Name, "name").text;
    node->filter = find_filter(node->name);
    node->arguments = tokens_.at_operator("(") ? parse_arguments() : std::make_unique<CallArguments>();
    set_height(*node);
    input = std::move(node);
  }
  return input;
}

ExpressionPtr ExpressionParser::parse_test(ExpressionPtr input) {
  const int line = tokens_.next().line;
  const bool negated = tokens_.skip_name("not");
  ExpressionPtr node = make(ExpressionKind::Test, line, list_of(std::move(input)));
  node->name = tokens_.expect(TokenKind::Name, "name").text;
  while (tokens_.skip_operator(".")) node->name += "." + tokens_.expect(TokenKind::Name, "name").text;
  node->test = find_test(node->name);
  const Token& token = tokens_.current();
  const bool literal = token.kind == TokenKind::Name || token.kind == TokenKind::Text ||
                       token.kind == TokenKind::Number || token.is_operator("[") || token.is_operator("{");
  if (token.is_operator("(")) {
    node->arguments = parse_arguments();
  } else {
    node->arguments = std::make_unique<CallArguments>();
    if (literal && !token.is_name("else") && !token.is_name("or") && !token.is_name("and")) {
      if (token.is_name("is")) tokens_.fail_here("You cannot chain multiple tests with is");
      node->arguments->positional.push_back(parse_postfix(parse_primary()));
    }
  }
  set_height(*node);
  return negated ? make(ExpressionKind::Not, line, list_of(std::move(node))) : std::move(node);
}

ExpressionPtr ExpressionParser::parse_target(bool allow_attribute, std::string_view end_name) {
  if (allow_attribute && tokens_.current().kind == TokenKind::Name && tokens_.look().is_operator(".")) {
    const int line = tokens_.current().line;
    ExpressionPtr object = make(ExpressionKind::Name, line);
    object->name = tokens_.next().text;
    tokens_.next();
    ExpressionPtr target = make(ExpressionKind::Attribute, line, list_of(std::move(object)));
    target->name = tokens_.expect(TokenKind::Name, "name").text;
    return target;
  }
  const int line = tokens_.current().line;
  std::vector<ExpressionPtr> items;
  bool is_tuple = false;
  for (;;) {
    const Token& token = tokens_.current();
    const bool ends =
        token.kind == TokenKind::VariableEnd || token.kind == TokenKind::BlockEnd || token.is_operator(")");
    if (ends || (!end_name.empty() && token.is_name(end_name))) break;
    if (tokens_.skip_operator("(")) {
      const Nested nested(*this);
      items.push_back(parse_target(false));
      tokens_.expect_operator(")");
    } else {
      items.push_back(make(ExpressionKind::Name, token.line));
      items.back()->name = tokens_.expect(TokenKind::Name, "name").text;
      static constexpr std::string_view kConstants[] = {"true", "True", "false", "False", "none", "None"};
      if (std::count(std::begin(kConstants), std::end(kConstants), items.back()->name))
        tokens_.fail_here("can't assign to 'const'");
    }
    if (!tokens_.skip_operator(",")) break;
    is_tuple = true;
  }
  if (items.empty()) tokens_.fail_here(cat("Expected an expression, got '", tokens_.current().described(), "'"));
  return is_tuple ? make(ExpressionKind::Tuple, line, std::move(items)) : std::move(items[0]);
}

}  // namespace paceline::jinja

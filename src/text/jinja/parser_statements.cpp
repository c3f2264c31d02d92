#include <algorithm>
#include <initializer_list>

#include "text/jinja/parser.h"

namespace paceline::jinja {

namespace {

constexpr int kMaxBlocks = 100;  // statements inside one another

class StatementParser {
 public:
  explicit StatementParser(TokenStream tokens) : tokens_(std::move(tokens)), expressions_(tokens_) {}

  Block parse() { return parse_block({}); }

 private:
  using EndNames = std::initializer_list<std::string_view>;

  // Statements until one of `ends` is the current tag (its name is the current token then), or the end of the template.
  Block parse_block(EndNames ends) {
    Block block;
    for (;;) {
      const Token& token = tokens_.current();
      if (token.kind == TokenKind::End) {
        if (ends.size() > 0) fail_unfinished("Unexpected end of template.", ends);
        return block;
      }
      tokens_.next();
      if (token.kind == TokenKind::Data) {
        block.push_back(make(StatementKind::Text, token.line));
        block.back().name = token.text;
      } else if (token.kind == TokenKind::VariableBegin) {
        block.push_back(make(StatementKind::Print, token.line));
        block.back().expressions.push_back(expressions_.parse_tuple());
        tokens_.expect(TokenKind::VariableEnd, "end of print statement");
      } else {
        const bool at_end =
            std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return tokens_.at_name(end); });
        if (at_end) return block;
        block.push_back(parse_statement(ends));
        tokens_.expect(TokenKind::BlockEnd, "end of statement block");
      }
    }
  }

  [[noreturn]] void fail_unfinished(const std::string& start, EndNames ends) const {
    std::string message = start;
    for (const std::string_view end : ends)
      message += cat(end == *ends.begin() ? " Jinja was looking for the following tags: '" : " or '", end, "'");
    if (ends.size() > 0) message += ".";
    if (!open_tags_.empty())
      message += cat(" The innermost block that needs to be closed is '", open_tags_.back(), "'.");
    tokens_.fail_here(message);
  }

  static Statement make(StatementKind kind, int line) {
    Statement statement;
    statement.kind = kind;
    statement.line = line;
    return statement;
  }

  Statement parse_statement(EndNames ends) {
    using Parse = Statement (StatementParser::*)();
    static constexpr std::pair<std::string_view, Parse> kTags[] = {{"for", &StatementParser::parse_for},
                                                                   {"if", &StatementParser::parse_if},
                                                                   {"set", &StatementParser::parse_set},
                                                                   {"macro", &StatementParser::parse_macro},
                                                                   {"call", &StatementParser::parse_call_block},
                                                                   {"filter", &StatementParser::parse_filter_block},
                                                                   {"with", &StatementParser::parse_with},
                                                                   {"print", &StatementParser::parse_print},
                                                                   {"block", &StatementParser::parse_named_block},
                                                                   {"generation", &StatementParser::parse_generation},
                                                                   {"autoescape", &StatementParser::parse_autoescape},
                                                                   {"break", &StatementParser::parse_break},
                                                                   {"continue", &StatementParser::parse_break},
                                                                   {"include", &StatementParser::parse_unsupported},
                                                                   {"import", &StatementParser::parse_unsupported},
                                                                   {"from", &StatementParser::parse_unsupported},
                                                                   {"extends", &StatementParser::parse_unsupported}};
    if (tokens_.current().kind != TokenKind::Name) tokens_.fail_here("tag name expected");
    const std::string name = tokens_.current().text;
    const auto* tag =
        std::find_if(std::begin(kTags), std::end(kTags), [&](const auto& row) { return row.first == name; });
    if (tag == std::end(kTags)) fail_unfinished(cat("Encountered unknown tag '", name, "'."), ends);
    if (open_tags_.size() >= kMaxBlocks) {
      throw TemplateFailure("LimitExceeded", cat("statements nested more than ", kMaxBlocks, " deep"),
                            tokens_.current().line);
    }
    open_tags_.push_back(name);
    Statement statement = (this->*tag->second)();
    open_tags_.pop_back();
    return statement;
  }

  // The body of a statement up to one of `ends`, whose name stays the current token.
  Block parse_body(EndNames ends) {
    tokens_.skip_operator(":");
    tokens_.expect(TokenKind::BlockEnd, "end of statement block");
    return parse_block(ends);
  }

  Block parse_last_body(std::string_view end) {
    Block body = parse_body({end});
    tokens_.next();
    return body;
  }

  static bool names_loop(const Expression& target) {
    if (target.kind == ExpressionKind::Name) return target.name == "loop";
    return std::any_of(target.operands.begin(), target.operands.end(),
                       [](const ExpressionPtr& part) { return names_loop(*part); });
  }

  Statement parse_for() {
    Statement statement = make(StatementKind::For, tokens_.next().line);
    statement.expressions.push_back(expressions_.parse_target(false, "in"));
    if (names_loop(*statement.expressions[0])) {
      throw TemplateFailure("TemplateAssertionError", "Can't assign to special loop variable in for-loop target",
                            statement.line);
    }
    tokens_.expect_name("in");
    statement.expressions.push_back(expressions_.parse_tuple(false, "recursive"));
    statement.expressions.push_back(tokens_.skip_name("if") ? expressions_.parse() : nullptr);
    statement.recursive = tokens_.skip_name("recursive");
    ++loops_;
    statement.blocks.push_back(parse_body({"endfor", "else"}));
    --loops_;
    const bool has_else = tokens_.next().text == "else";
    statement.blocks.push_back(has_else ? parse_last_body("endfor") : Block());
    return statement;
  }

  Statement parse_if() {
    Statement statement = make(StatementKind::If, tokens_.next().line);
    for (;;) {
      statement.expressions.push_back(expressions_.parse_tuple(false));
      statement.blocks.push_back(parse_body({"elif", "else", "endif"}));
      const Token& token = tokens_.next();
      if (token.is_name("elif")) continue;
      if (token.is_name("else")) statement.blocks.push_back(parse_last_body("endif"));
      return statement;
    }
  }

  Statement parse_set() {
    Statement statement = make(StatementKind::Set, tokens_.next().line);
    statement.expressions.push_back(expressions_.parse_target(true));
    if (tokens_.skip_operator("=")) {
      statement.expressions.push_back(expressions_.parse_tuple());
      return statement;
    }
    statement.kind = StatementKind::SetBlock;
    statement.expressions.push_back(expressions_.parse_filters(nullptr, false));
    statement.blocks.push_back(parse_last_body("endset"));
    return statement;
  }

  void parse_signature(MacroSignature& macro) {
    tokens_.expect_operator("(");
    while (!tokens_.at_operator(")")) {
      if (!macro.parameters.empty()) tokens_.expect_operator(",");
      macro.parameters.push_back(tokens_.expect(TokenKind::Name, "name").text);
      if (tokens_.skip_operator("=")) macro.defaults.push_back(expressions_.parse());
      else if (!macro.defaults.empty()) tokens_.fail_here("non-default argument follows default argument");
    }
    tokens_.expect_operator(")");
  }

  // The body of a macro or call block, which is a function: no break out of it, and its own special names.
  void parse_function_body(Statement& statement, std::string_view end) {
    std::set<std::string> names;
    names.swap(expressions_.names_read());
    const int loops = loops_;
    loops_ = 0;
    statement.blocks.push_back(parse_last_body(end));
    loops_ = loops;
    names.swap(expressions_.names_read());
    MacroSignature& macro = *statement.macro;
    const auto uses = [&](const char* name) {
      return names.contains(name) &&
             std::find(macro.parameters.begin(), macro.parameters.end(), name) == macro.parameters.end();
    };
    macro.uses_caller = uses("caller");
    macro.uses_varargs = uses("varargs");
    macro.uses_kwargs = uses("kwargs");
    expressions_.names_read().merge(names);
  }

  Statement parse_macro() {
    Statement statement = make(StatementKind::Macro, tokens_.next().line);
    statement.macro = std::make_unique<MacroSignature>();
    statement.name = tokens_.expect(TokenKind::Name, "name").text;
    parse_signature(*statement.macro);
    parse_function_body(statement, "endmacro");
    return statement;
  }

  Statement parse_call_block() {
    Statement statement = make(StatementKind::CallBlock, tokens_.next().line);
    statement.macro = std::make_unique<MacroSignature>();
    statement.name = "caller";
    if (tokens_.at_operator("(")) parse_signature(*statement.macro);
    statement.expressions.push_back(expressions_.parse());
    if (statement.expressions[0]->kind != ExpressionKind::Call) tokens_.fail_here("expected call");
    parse_function_body(statement, "endcall");
    return statement;
  }

  Statement parse_filter_block() {
    Statement statement = make(StatementKind::FilterBlock, tokens_.next().line);
    statement.expressions.push_back(expressions_.parse_filters(nullptr, true));
    statement.blocks.push_back(parse_last_body("endfilter"));
    return statement;
  }

  Statement parse_with() {
    Statement statement = make(StatementKind::With, tokens_.next().line);
    while (tokens_.current().kind != TokenKind::BlockEnd) {
      if (!statement.expressions.empty()) tokens_.expect_operator(",");
      statement.expressions.push_back(expressions_.parse_target(false));
      tokens_.expect_operator("=");
      statement.expressions.push_back(expressions_.parse());
    }
    statement.blocks.push_back(parse_last_body("endwith"));
    return statement;
  }

  Statement parse_print() {
    Statement statement = make(StatementKind::Print, tokens_.next().line);
    while (tokens_.current().kind != TokenKind::BlockEnd) {
      if (!statement.expressions.empty()) tokens_.expect_operator(",");
      statement.expressions.push_back(expressions_.parse());
    }
    return statement;
  }

  Statement parse_named_block() {
    Statement statement = make(StatementKind::Scoped, tokens_.next().line);
    statement.name = tokens_.expect(TokenKind::Name, "name").text;
    tokens_.skip_name("scoped");
    tokens_.skip_name("required");
    statement.blocks.push_back(parse_last_body("endblock"));
    tokens_.skip_name(statement.name);
    return statement;
  }

  Statement parse_generation() {
    Statement statement = make(StatementKind::Scoped, tokens_.next().line);
    statement.blocks.push_back(parse_last_body("endgeneration"));
    return statement;
  }

  Statement parse_autoescape() {
    Statement statement = make(StatementKind::Unsupported, tokens_.next().line);
    statement.name = "autoescape";
    expressions_.parse();
    parse_last_body("endautoescape");
    return statement;
  }

  Statement parse_break() {
    const Token& token = tokens_.next();
    if (loops_ == 0) throw TemplateFailure("SyntaxError", cat("'", token.text, "' outside loop"), token.line);
    return make(token.text == "break" ? StatementKind::Break : StatementKind::Continue, token.line);
  }

  Statement parse_unsupported() {
    const Token& token = tokens_.next();
    Statement statement = make(StatementKind::Unsupported, token.line);
    statement.name = token.text;
    while (tokens_.current().kind != TokenKind::BlockEnd && tokens_.current().kind != TokenKind::End) tokens_.next();
    return statement;
  }

  TokenStream tokens_;
  ExpressionParser expressions_;
  std::vector<std::string> open_tags_;
  int loops_ = 0;
};

}  // namespace

Block parse_template(std::string_view source, const Limits& limits) {
  if (source.size() > limits.source_bytes) {
    raise("LimitExceeded", "the template has ", human_bytes(source.size()), ", and may have ",
          human_bytes(limits.source_bytes));
  }
  return StatementParser(TokenStream(tokenize(source))).parse();
}

}  // namespace paceline::jinja

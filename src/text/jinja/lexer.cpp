#include "text/jinja/lexer.h"

#include <algorithm>
#include <charconv>

#include "text/jinja/characters.h"
#include "text/jinja/literals.h"

namespace paceline::jinja {

namespace {

std::string normalized_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) lex_data();
    emit(TokenKind::End, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail_here(const std::string& message) const {
    throw TemplateFailure("TemplateSyntaxError", message, line_);
  }

  bool looking_at(std::string_view text) const { return source_.substr(at_).starts_with(text); }

  void emit(TokenKind kind, std::string text) { tokens_.push_back({kind, std::move(text), Value(), line_}); }

  // Moves behind `end`, counting lines.
  void advance_to(size_t end) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
    if (end > at_) line_starting_ = source_[end - 1] == '\n';
    at_ = end;
  }

  size_t behind_space(size_t from) const {
    return source_.size() - strip_left(source_.substr(std::min(from, source_.size()))).size();
  }

  size_t find_tag(size_t from) const {
    for (size_t brace = source_.find('{', from); brace != std::string_view::npos;
         brace = source_.find('{', brace + 1)) {
      const char next = brace + 1 < source_.size() ? source_[brace + 1] : '\0';
      if (next == '{' || next == '%' || next == '#') return brace;
    }
    return std::string_view::npos;
  }

  char sign_at(size_t at) const {
    return at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at] : '\0';
  }

  // Text in front of a tag, as the tag's sign and lstrip_blocks leave it.
  std::string_view stripped(std::string_view text, char sign, bool is_variable) const {
    if (sign == '-') return strip_right(text);
    if (sign == '+' || is_variable) return text;
    const size_t newline = text.rfind('\n');
    if (newline == std::string_view::npos && !line_starting_) return text;
    const size_t line_start = newline == std::string_view::npos ? 0 : newline + 1;
    return strip_left(text.substr(line_start)).empty() ? text.substr(0, line_start) : text;
  }

  void emit_data(size_t end, char sign, bool is_variable) {
    const std::string_view text = stripped(source_.substr(at_, end - at_), sign, is_variable);
    if (!text.empty()) emit(TokenKind::Data, std::string(text));
    advance_to(end);
  }

  void lex_data() {
    const size_t tag = find_tag(at_);
    if (tag == std::string_view::npos) {
      emit(TokenKind::Data, std::string(source_.substr(at_)));
      advance_to(source_.size());
      return;
    }
    const char kind = source_[tag + 1], sign = sign_at(tag + 2);
    const size_t inside = tag + 2 + (sign ? 1 : 0);
    const size_t raw_end = kind == '%' ? raw_begin_end(inside) : std::string_view::npos;
    emit_data(tag, sign, kind == '{');
    if (raw_end != std::string_view::npos) {
      advance_to(raw_end);
      lex_raw();
      return;
    }
    advance_to(inside);
    if (kind == '#') {
      lex_comment();
    } else {
      emit(kind == '{' ? TokenKind::VariableBegin : TokenKind::BlockBegin, "");
      lex_code(kind == '{');
    }
  }

  // Behind `raw %}` when that is what stands at `at`.
  size_t raw_begin_end(size_t at) const {
    at = behind_space(at);
    if (!source_.substr(at).starts_with("raw")) return std::string_view::npos;
    at = behind_space(at + 3);
    if (source_.substr(at).starts_with("-%}")) return behind_space(at + 3);
    return source_.substr(at).starts_with("%}") ? at + 2 : std::string_view::npos;
  }

  // Behind a closing `+%}`, `-%}` with the space after it, or `%}` with one newline; npos when there is none at `at`.
  size_t block_end_end(size_t at, std::string_view close) const {
    const std::string_view rest = source_.substr(std::min(at, source_.size()));
    if (rest.starts_with('+') && rest.substr(1).starts_with(close)) return at + 1 + close.size();
    if (rest.starts_with('-') && rest.substr(1).starts_with(close)) return behind_space(at + 1 + close.size());
    if (!rest.starts_with(close)) return std::string_view::npos;
    at += close.size();
    return at < source_.size() && source_[at] == '\n' ? at + 1 : at;
  }

  void lex_comment() {
    const size_t hash = source_.find("#}", at_);
    if (hash == std::string_view::npos) fail_here("Missing end of comment tag");
    const bool has_sign = hash > at_ && (source_[hash - 1] == '-' || source_[hash - 1] == '+');
    advance_to(block_end_end(hash - (has_sign ? 1 : 0), "#}"));
  }

  void lex_raw() {
    for (size_t tag = source_.find("{%", at_); tag != std::string_view::npos; tag = source_.find("{%", tag + 2)) {
      const char sign = sign_at(tag + 2);
      size_t at = behind_space(tag + 2 + (sign ? 1 : 0));
      if (!source_.substr(at).starts_with("endraw")) continue;
      const size_t end = block_end_end(behind_space(at + 6), "%}");
      if (end == std::string_view::npos) continue;
      emit_data(tag, sign, false);
      advance_to(end);
      return;
    }
    fail_here("Missing end of raw directive");
  }

  bool lex_end(bool is_variable) {
    if (!open_.empty()) return false;
    size_t end;
    if (!is_variable) end = block_end_end(at_, "%}");
    else if (looking_at("-}}")) end = behind_space(at_ + 3);
    else end = looking_at("}}") ? at_ + 2 : std::string_view::npos;
    if (end == std::string_view::npos) return false;
    emit(is_variable ? TokenKind::VariableEnd : TokenKind::BlockEnd, "");
    advance_to(end);
    return true;
  }

  void lex_code(bool is_variable) {
    open_.clear();
    for (;;) {
      if (lex_end(is_variable)) return;
      if (at_ >= source_.size()) return;  // the parser finds the end of the template and says so
      const size_t next = behind_space(at_);
      if (next != at_) advance_to(next);
      else if (is_digit(source_[at_])) lex_number();
      else if (source_[at_] == '\'' || source_[at_] == '"') lex_text();
      else if (!lex_name()) lex_operator();
    }
  }

  void lex_number() {
    const NumberLiteral literal = scan_number(source_, at_, line_);
    tokens_.push_back({TokenKind::Number, std::string(source_.substr(at_, literal.end - at_)), literal.value, line_});
    advance_to(literal.end);
  }

  void lex_text() {
    const char quote = source_[at_];
    size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) fail_here(cat("unexpected char '", quote, "' at ", at_));
    emit(TokenKind::Text, unescape(source_.substr(at_ + 1, end - at_ - 1), line_));
    advance_to(end + 1);
  }

  bool lex_name() {
    size_t end = at_;
    while (end < source_.size()) {
      size_t next = end;
      const uint32_t c = next_code_point(source_, next);
      const bool letter = c == '_' || is(CharacterClass::Alphabetic, c);
      if (!letter && (end == at_ || !is(CharacterClass::Decimal, c))) break;
      end = next;
    }
    if (end == at_) return false;
    emit(TokenKind::Name, std::string(source_.substr(at_, end - at_)));
    advance_to(end);
    return true;
  }

  void lex_operator() {
    static constexpr std::string_view kOperators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                                      "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                                      ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};
    const auto* found = std::find_if(std::begin(kOperators), std::end(kOperators),
                                     [this](std::string_view op) { return looking_at(op); });
    if (found == std::end(kOperators)) {
      size_t end = at_;
      next_code_point(source_, end);
      fail_here(cat("unexpected char '", source_.substr(at_, end - at_), "' at ", at_));
    }
    balance((*found)[0]);
    emit(TokenKind::Operator, std::string(*found));
    advance_to(at_ + found->size());
  }

  void balance(char c) {
    if (c == '(' || c == '[' || c == '{') {
      open_ += c == '(' ? ')' : c == '[' ? ']' : '}';
    } else if (c == ')' || c == ']' || c == '}') {
      if (open_.empty()) fail_here(cat("unexpected '", c, "'"));
      if (open_.back() != c) fail_here(cat("unexpected '", c, "', expected '", open_.back(), "'"));
      open_.pop_back();
    }
  }

  std::string_view source_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::string open_;  // closing signs still expected
  std::vector<Token> tokens_;
};

}  // namespace

std::string Token::described() const {
  switch (kind) {
    case TokenKind::Data: return "template data / text";
    case TokenKind::VariableBegin: return "begin of print statement";
    case TokenKind::VariableEnd: return "end of print statement";
    case TokenKind::BlockBegin: return "begin of statement block";
    case TokenKind::BlockEnd: return "end of statement block";
    case TokenKind::Text: return "string";
    case TokenKind::Number: return number.is(Kind::Float) ? "float" : "integer";
    case TokenKind::End: return "end of template";
    case TokenKind::Name:
    case TokenKind::Operator: break;
  }
  return text;
}

std::vector<Token> tokenize(std::string_view source) {
  const std::string normalized = normalized_newlines(source);
  return Lexer(normalized).run();
}

}  // namespace paceline::jinja

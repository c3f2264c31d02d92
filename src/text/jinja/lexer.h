#pragma once
// Splits a template into tokens exactly as Jinja 3.1's lexer does with trim_blocks and lstrip_blocks on and one trailing newline dropped.
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/value.h"

namespace paceline::jinja {

enum class TokenKind { Data, VariableBegin, VariableEnd, BlockBegin, BlockEnd, Name, Text, Number, Operator, End };

struct Token {
  TokenKind kind;
  std::string text;  // of data, names, operators; the value of a string literal
  Value number;
  int line;

  bool is_name(std::string_view name) const { return kind == TokenKind::Name && text == name; }
  bool is_operator(std::string_view symbol) const { return kind == TokenKind::Operator && text == symbol; }
  std::string described() const;
};

std::vector<Token> tokenize(std::string_view source);

}  // namespace paceline::jinja

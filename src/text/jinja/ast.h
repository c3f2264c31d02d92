#pragma once
// The syntax tree of a template. Every node knows its height, which the parser bounds, so walking and destroying a tree never recurses
// deeper than that.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/value.h"

namespace paceline::jinja {

struct Filter;
struct Test;
struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr more_positional, more_named;  // *args, **kwargs
};

enum class ExpressionKind {
  Constant,
  Name,  // name
  Tuple,  // operands
  List,  // operands
  Dict,  // operands: key, value, key, value …
  Conditional,  // operands: condition, then, otherwise (may be null)
  Or,
  And,
  Not,
  Compare,  // operands[0], then one operand per entry of operators
  Add,
  Subtract,
  Multiply,
  Divide,
  FloorDivide,
  Modulo,
  Power,
  Concatenate,  // operands
  Negate,
  Positive,
  Attribute,  // operands[0].name
  Item,  // operands[0][operands[1]]
  Slice,  // operands[0][operands[1]:operands[2]:operands[3]], each bound may be null
  Call,  // operands[0](arguments)
  Filter,  // operands[0] | name(arguments); operands[0] is null in a filter block
  Test  // operands[0] is name(arguments)
};

enum class Comparison { Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual, In, NotIn };

struct Expression {
  ExpressionKind kind;
  int line = 0;
  int height = 1;
  Value constant;
  std::string name;
  std::vector<ExpressionPtr> operands;
  std::vector<Comparison> operators;
  std::unique_ptr<CallArguments> arguments;
  const Filter* filter = nullptr;  // null: unknown, an error when it runs
  const Test* test = nullptr;
};

struct Statement;
using Block = std::vector<Statement>;

enum class StatementKind {
  Text,  // name: the text itself
  Print,  // expressions
  If,  // expressions: conditions; blocks: one each, and one more for else
  For,  // expressions: target, iterable, filter (may be null); blocks: body, else
  Set,  // expressions: target, value
  SetBlock,  // expressions: target, filter (may be null); blocks: body
  Macro,  // name, macro; blocks: body
  CallBlock,  // expressions: call; macro: the caller; blocks: body
  FilterBlock,  // expressions: filter; blocks: body
  With,  // expressions: target, value, target, value …; blocks: body
  Scoped,  // blocks: body with a scope of its own (block, generation)
  Break,
  Continue,
  Unsupported  // name: a tag that needs other templates (include, import, extends): an error when it runs
};

struct MacroSignature {
  std::vector<std::string> parameters;
  std::vector<ExpressionPtr> defaults;  // of the last ones
  bool uses_caller = false, uses_varargs = false, uses_kwargs = false;
};

struct Statement {
  StatementKind kind;
  int line = 0;
  std::string name;
  std::vector<ExpressionPtr> expressions;
  std::vector<Block> blocks;
  std::unique_ptr<MacroSignature> macro;
  bool recursive = false;
};

}  // namespace paceline::jinja

#pragma once
// The grammar of a whole answer as the model writes it: the rest of a thinking block that the prompt has opened, then content in a form
// (a JSON Schema, a GBNF grammar), or tool calls whose arguments follow the tools' schemas, in the form of calls that the model's
// template uses. What output_parser.h and tool_call.h make of a text of the grammar is what was asked for.
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "text/constrain/grammar.h"
#include "text/tool_call.h"

namespace paceline::constrain {

struct AnswerForm {
  enum class Content { Text, JsonObject, JsonSchema, Gbnf };
  enum class Calls { None, Possible, Required };
  struct Tool {
    std::string name;
    std::string field;  // of the request that has its schema, for messages
  };

  bool after_thought = false;  // the answer begins inside a thinking block
  Content content = Content::Text;
  std::string content_field;  // of the request, for messages
  Json schema;  // of JsonSchema
  std::string gbnf;

  Calls calls = Calls::None;  // Possible: instead of content, or behind it where that is Text
  CallStyle call_style = CallStyle::None;  // where there are calls: not None
  bool several_calls = true;  // at most kMostCalls
  std::vector<Tool> tools;  // those that may be called
  Json tool_definitions;  // all, in OpenAI's form, for what a parameter's text means

  static constexpr int kMostCalls = 16;

  bool is_free() const { return content == Content::Text && calls == Calls::None; }
  // Equal for equal grammars, whatever the fields are called.
  std::string key() const;
};

// Throws Error that names the field and what in it cannot be enforced.
Grammar compile_answer(const AnswerForm& form, const GrammarLimits& limits = {});

}  // namespace paceline::constrain

#pragma once
// The grammar of one tool call (tool_call.h): the JSON form {"name": …, "arguments": {…}}, or Qwen's XML-like form, in which a parameter
// that may be a text is written as it is and every other value as JSON. Parameters come in the order of the schema; those that the schema
// does not list are left out. No value holds a tag that would end it.
#include <memory>
#include <vector>

#include "text/constrain/schema_compiler.h"
#include "text/tool_call.h"

namespace paceline::constrain {

class CallGrammar {
 public:
  using Node = GrammarBuilder::Node;

  CallGrammar(GrammarBuilder& builder, CallStyle style, const Json& tool_definitions);
  // The call with its tags. `schema` is of the parameters, null: there are none; it outlives the grammar's making.
  Node call(const std::string& name, const Json* schema);

 private:
  Node json_call(const std::string& name, const Json* schema);
  Node xml_call(const std::string& name, const Json* schema);
  SchemaCompiler& compiler(const Json& schema);
  Node xml_parameter(SchemaCompiler& compiler, const std::string& function, const ObjectView::Property& property);
  Node xml_value(SchemaCompiler& compiler, const std::string& function, const ObjectView::Property& property);
  void add_text(SchemaCompiler& compiler, const Shape& shape, bool may_be_null, std::vector<Node>& alternatives);
  TextLanguage raw_text(const StringView& view, bool may_be_null) const;

  GrammarBuilder& builder_;
  CallStyle style_;
  ToolSchemas tools_;
  JsonSpelling spelling_;
  TextLanguage clean_;  // texts without the tags that end a value
  std::vector<std::unique_ptr<SchemaCompiler>> compilers_;
};

}  // namespace paceline::constrain

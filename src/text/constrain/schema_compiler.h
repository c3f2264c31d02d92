#pragma once
// The rules of one JSON Schema in a grammar that may hold more than that: whole answers, or tool calls, each with a schema of its own.
// What can be written, and what is refused, is told in json_schema.h.
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "text/constrain/json_spelling.h"
#include "text/constrain/schema_shapes.h"

namespace paceline::constrain {

class SchemaCompiler {
 public:
  using Node = GrammarBuilder::Node;

  // All three outlive it.
  SchemaCompiler(const Json& schema, GrammarBuilder& builder, JsonSpelling& spelling, Objects objects)
      : shapes_(schema, objects), builder_(builder), spelling_(spelling) {}

  SchemaShapes& shapes() { return shapes_; }
  GrammarBuilder::Rule root() { return rule_of(shapes_.root_set()); }
  // A value that is valid for all schemas of the set.
  Node value(const SchemaSet& set) { return builder_.reference(rule_of(set)); }
  // One of the shape.
  Node value(const Shape& shape);
  // The properties of an object: the known ones in their order as `text` writes each, then others as JSON; as many as the view says, with
  // `separator` between them.
  Node members(const Shape& shape, const ObjectView& view, const std::function<Node(const ObjectView::Property&)>& text,
               Node separator);
  Node json_member(const ObjectView::Property& property);  // "name": value
  // Defines the rules of the values asked for, and of what is in them; before the grammar is built.
  void define_rules();

 private:
  GrammarBuilder::Rule rule_of(const SchemaSet& set);
  Node number(const Shape& shape);
  Node string(const Shape& shape);
  Node array(const Shape& shape);
  Node object(const Shape& shape);
  std::string where(const Shape& shape) const {
    return shape.schemas.empty() ? "#" : shapes_.pointer(shape.schemas[0]);
  }

  SchemaShapes shapes_;
  GrammarBuilder& builder_;
  JsonSpelling& spelling_;
  std::map<SchemaSet, GrammarBuilder::Rule> rules_;
  std::vector<SchemaSet> queue_;
};

}  // namespace paceline::constrain

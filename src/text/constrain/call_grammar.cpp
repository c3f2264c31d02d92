#include "text/constrain/call_grammar.h"

#include <algorithm>

#include "base/error.h"

namespace paceline::constrain {

namespace {

using Node = GrammarBuilder::Node;

const std::vector<std::string>& ending_tags() {
  static const std::vector<std::string> tags = {"</parameter>", "</function>"};
  return tags;
}

JsonSpelling spelling_for(CallStyle style, GrammarBuilder& builder) {
  if (style == CallStyle::Xml) return {builder, ending_tags()};
  return JsonSpelling(builder);
}

// Names stand before '>' and lose the space around them.
void check_name(const std::string& name, std::string_view what) {
  const bool has_end = name.find_first_of(">\n") != std::string::npos;
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  if (name.empty() || has_end || is_space(name.front()) || is_space(name.back()))
    fail("the ", what, " ", Json(name).dump(), " cannot be written in this model's form of calls, <", what, "=NAME>");
}

uint8_t bits_of(const std::vector<std::string>& types) {
  uint8_t bits = 0;
  for (const std::string& type : types) {
    if (type == "null") bits |= kNull;
    if (type == "boolean") bits |= kBoolean;
    if (type == "integer") bits |= kInteger;
    if (type == "number") bits |= kInteger | kFraction;
    if (type == "array") bits |= kArray;
    if (type == "object") bits |= kObject;
  }
  return bits;
}

// Whether the schema says anything about properties it does not list.
bool names_others(const Json& schema) {
  return schema.find("additionalProperties") != nullptr || schema.find("patternProperties") != nullptr;
}

}  // namespace

CallGrammar::CallGrammar(GrammarBuilder& builder, CallStyle style, const Json& tool_definitions)
    : builder_(builder),
      style_(style),
      tools_(tool_definitions),
      spelling_(spelling_for(style, builder)),
      clean_(TextLanguage::without_any_of(ending_tags())) {
  PACELINE_ASSERT(style != CallStyle::None);
}

Node CallGrammar::call(const std::string& name, const Json* schema) {
  const Node body = style_ == CallStyle::Xml ? xml_call(name, schema) : json_call(name, schema);
  return builder_.sequence({builder_.text("<tool_call>\n"), body, builder_.text("\n</tool_call>")});
}

SchemaCompiler& CallGrammar::compiler(const Json& schema) {
  compilers_.push_back(std::make_unique<SchemaCompiler>(schema, builder_, spelling_, Objects::Closed));
  return *compilers_.back();
}

Node CallGrammar::json_call(const std::string& name, const Json* schema) {
  std::vector<Node> arguments;
  if (schema == nullptr) {
    arguments.push_back(builder_.text("{}"));
  } else {
    SchemaCompiler& made = compiler(*schema);
    for (const Shape& shape : std::vector<Shape>(made.shapes().expand(made.shapes().root_set()))) {
      if (shape.values) {
        for (const Json& value : *shape.values)
          if (value.is_object()) arguments.push_back(spelling_.literal(value));
      } else if ((shape.types & kObject) != 0) {
        ObjectView view = made.shapes().objects(shape);
        if (!view.known.empty() || !names_others(*schema)) view.others.clear();
        arguments.push_back(builder_.sequence(
            {builder_.text("{"),
             made.members(
                 shape, view, [&](const ObjectView::Property& property) { return made.json_member(property); },
                 spelling_.comma()),
             builder_.text("}")}));
      }
    }
    made.define_rules();
  }
  return builder_.sequence({builder_.text("{\"name\""), spelling_.colon(), builder_.text(Json(name).dump()),
                            spelling_.comma(), builder_.text("\"arguments\""), spelling_.colon(),
                            builder_.any_of(std::move(arguments)), builder_.text("}")});
}

Node CallGrammar::xml_call(const std::string& name, const Json* schema) {
  check_name(name, "function");
  std::vector<Node> parameters;
  if (schema == nullptr) {
    parameters.push_back(builder_.empty());
  } else {
    SchemaCompiler& made = compiler(*schema);
    for (const Shape& shape : std::vector<Shape>(made.shapes().expand(made.shapes().root_set()))) {
      if (shape.values)
        fail("schema: #: enum and const of whole objects cannot be written in this model's form of calls");
      if ((shape.types & kObject) == 0) continue;
      ObjectView view = made.shapes().objects(shape);
      view.others.clear();
      const auto text = [&](const ObjectView::Property& property) { return xml_parameter(made, name, property); };
      parameters.push_back(made.members(shape, view, text, builder_.empty()));
    }
    made.define_rules();
  }
  return builder_.sequence({builder_.text(cat("<function=", name, ">\n")), builder_.any_of(std::move(parameters)),
                            builder_.text("</function>")});
}

Node CallGrammar::xml_parameter(SchemaCompiler& compiler, const std::string& function,
                                const ObjectView::Property& property) {
  check_name(property.name, "parameter");
  return builder_.sequence({builder_.text(cat("<parameter=", property.name, ">\n")),
                            xml_value(compiler, function, property), builder_.text("\n</parameter>\n")});
}

// As ToolSchemas::value reads it: what may be a text is one, or null; else it is JSON of the types the schema names.
Node CallGrammar::xml_value(SchemaCompiler& compiler, const std::string& function,
                            const ObjectView::Property& property) {
  const std::vector<std::string> types = tools_.types(function, property.name);
  const auto has = [&](std::string_view type) { return std::find(types.begin(), types.end(), type) != types.end(); };
  const bool may_be_text = types.empty() || has("string");
  std::vector<Node> alternatives;
  for (Shape shape : std::vector<Shape>(compiler.shapes().expand(property.schemas))) {
    if (may_be_text) {
      add_text(compiler, shape, has("null"), alternatives);
      continue;
    }
    shape.types &= bits_of(types);
    if (shape.values)
      std::erase_if(*shape.values, [&](const Json& value) { return !compiler.shapes().fits(shape, value); });
    if (shape.types != 0 && (!shape.values || !shape.values->empty())) alternatives.push_back(compiler.value(shape));
  }
  if (alternatives.empty())
    fail("schema: #/properties/", escaped(property.name),
         ": no value of it can be written in this model's form of calls");
  return builder_.any_of(std::move(alternatives));
}

void CallGrammar::add_text(SchemaCompiler& compiler, const Shape& shape, bool may_be_null,
                           std::vector<Node>& alternatives) {
  if (may_be_null && compiler.shapes().fits(shape, Json()) && (shape.types & kNull) != 0 &&
      (!shape.values || std::find(shape.values->begin(), shape.values->end(), Json()) != shape.values->end()))
    alternatives.push_back(builder_.text("null"));
  if (shape.values) {
    std::vector<std::string> texts;
    for (const Json& value : *shape.values)
      if (value.is_string()) texts.push_back(value.as_string());
    StringView view;
    view.content = TextLanguage::one_of(texts);
    if (!texts.empty()) alternatives.push_back(spelling_.as_it_is(raw_text(view, may_be_null)));
  } else if ((shape.types & kString) != 0) {
    alternatives.push_back(spelling_.as_it_is(raw_text(compiler.shapes().strings(shape), may_be_null)));
  }
}

// The line break behind the text takes a carriage return with it, which changes a text whose characters count.
TextLanguage CallGrammar::raw_text(const StringView& view, bool may_be_null) const {
  TextLanguage text = clean_;
  const bool counts = view.content || view.minimum > 0 || view.maximum;
  if (view.content) text = view.content->both(clean_);
  else if (counts) text = TextLanguage::length(view.minimum, view.maximum).both(clean_);
  if (counts) text = text.without(TextLanguage::pattern("\\r$"));
  if (may_be_null) text = text.without(TextLanguage::pattern("^[ \\t\\r\\n]*(null|None)[ \\t\\r\\n]*$"));
  return text;
}

}  // namespace paceline::constrain

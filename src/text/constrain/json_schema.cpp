#include "text/constrain/json_schema.h"

#include "text/constrain/schema_compiler.h"

namespace paceline::constrain {

Grammar compile_json_schema(const Json& schema, const GrammarLimits& limits) {
  GrammarBuilder builder(limits);
  JsonSpelling spelling(builder);
  SchemaCompiler compiler(schema, builder, spelling, Objects::Open);
  const GrammarBuilder::Rule root = compiler.root();
  compiler.define_rules();
  return builder.build(root);
}

Grammar any_json_object(const GrammarLimits& limits) {
  static const Json schema = Json::parse(R"({"type": "object"})");
  return compile_json_schema(schema, limits);
}

}  // namespace paceline::constrain

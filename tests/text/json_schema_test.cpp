// JSON Schema as a grammar: what it writes parses and is valid, what it refuses it names, hostile schemas end quickly.
#include "text/constrain/json_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "tests/text/constrain_support.h"
#include "text/constrain/schema_shapes.h"

namespace paceline::constrain {

namespace {

using testing::error_of;
using ::testing::HasSubstr;
using testing::matches;

Grammar compile(const std::string& schema) { return compile_json_schema(Json::parse(schema)); }

std::string refusal(const std::string& schema) {
  return error_of([&] { compile(schema); });
}

struct Case {
  const char* schema;
  std::vector<std::string> yes, no;
};

TEST(JsonSchema, Matches) {
  const std::vector<Case> cases = {
      {R"({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["a"], "additionalProperties": false})",
       {R"({"a":1})", R"({"a":1,"b":"x"})", R"({"a": 1, "b": "x"})"},
       {R"({})", R"({"b":"x"})", R"({"b":"x","a":1})", R"({"a":1,"a":2})", R"({"a":1,})", R"({"a":1.5})",
        R"({"a":1,  "b":"x"})", R"({"a":01})"}},
      {R"({"type": "integer", "minimum": -12, "exclusiveMaximum": 105})",
       {"-12", "-1", "0", "7", "99", "100", "104"},
       {"-13", "-100", "105", "200", "-0", "007", "1.0", "1e1"}},
      {R"({"type": "number", "minimum": 0.5, "maximum": 12.25})",
       {"0.5", "0.50", "0.75", "1", "9.99", "12", "12.2", "12.25", "12.250"},
       {"0", "0.4", "0.49999", "12.251", "13", "100", "-1", "1e1"}},
      {R"({"type": "number", "exclusiveMinimum": -1.5, "exclusiveMaximum": 0})",
       {"-1.4", "-1.49999", "-0.1", "-1"},
       {"-1.5", "-1.50", "-2", "0", "0.1", "-0", "-0.0"}},
      {R"({"type": "integer", "multipleOf": 7, "minimum": 1})", {"7", "14", "700", "7007"}, {"0", "1", "-7", "15"}},
      {R"({"type": "string", "minLength": 2, "maxLength": 3})",
       {R"("ab")", "\"\xC3\xA9\xC3\xA9\"", R"("\n\u00e9x")", R"("\ud83d\ude00x")"},
       {R"("a")", R"("abcd")", R"("\ud83d\ude00")", R"("\ud83dx")"}},
      {R"({"type": "string", "pattern": "^[a-c]+\\d?$"})",
       {R"("abc1")", R"("a")"},
       {R"("")", R"("1")", R"("abc12")", R"("xabc")"}},
      {R"({"type": "string", "pattern": "b"})", {R"("abc")", R"("b")", R"("\nb")"}, {R"("ac")"}},
      {R"({"type": "string", "format": "date"})",
       {R"("2024-02-29")", R"("2023-12-31")"},
       {R"("2023-02-29")", R"("1900-02-29")", R"("2023-13-01")", R"("2023-4-1")"}},
      {R"({"enum": ["a", 1, null, {"k": [1.0]}]})", {R"("a")", "1", "null", R"({"k":[1]})"}, {R"("b")", "2", "true"}},
      {R"({"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 2})",
       {"[true]", "[true, false]"},
       {"[]", "[true,true,true]", "[1]"}},
      {R"({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": false, "minItems": 2})",
       {R"([1,"a"])"},
       {"[1]", R"([1,"a",2])"}},
      {R"({"$defs": {"node": {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}, "required": ["next"], "additionalProperties": false}}, "$ref": "#/$defs/node"})",
       {R"({"next":null})", R"({"next":{"next":null}})"},
       {R"({})", R"({"next":1})"}},
      {R"({"oneOf": [{"type": "object", "properties": {"kind": {"const": "a"}, "x": {"type": "integer"}}, "required": ["kind"], "additionalProperties": false},
                     {"type": "object", "properties": {"kind": {"const": "b"}, "y": {"type": "string"}}, "required": ["kind"], "additionalProperties": false}]})",
       {R"({"kind":"a","x":1})", R"({"kind":"b","y":"q"})"},
       {R"({"kind":"a","y":"q"})", R"({"kind":"c"})"}},
      {R"({"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"properties": {"b": {"type": "string"}}, "required": ["b"]}]})",
       {R"({"a":1,"b":"x"})", R"({"a":1,"b":"x","c":[]})"},
       {R"({"a":1})", R"({"a":"1","b":"x"})"}},
      {R"({"type": "string", "nullable": true})", {"null", R"("x")"}, {"1"}},
      {R"({"type": "object", "patternProperties": {"^n": {"type": "integer"}}, "additionalProperties": {"type": "string"}})",
       {R"({"n1":1,"x":"y"})", "{}"},
       {R"({"n1":"a"})", R"({"x":1})", R"({"\u006e1":"a"})"}},
      {R"({"type": "object", "additionalProperties": false, "properties": {"a": {}, "b": {}, "c": {}}, "minProperties": 2, "maxProperties": 2})",
       {R"({"a":1,"c":2})", R"({"b":1,"c":2})"},
       {R"({"a":1})", R"({"a":1,"b":1,"c":1})"}},
  };
  for (const Case& test : cases) {
    const Grammar grammar = compile(test.schema);
    for (const std::string& text : test.yes) EXPECT_TRUE(matches(grammar, text)) << test.schema << " : " << text;
    for (const std::string& text : test.no) EXPECT_FALSE(matches(grammar, text)) << test.schema << " : " << text;
  }
}

TEST(JsonSchema, AnyObject) {
  const Grammar grammar = any_json_object();
  EXPECT_TRUE(matches(grammar, R"({"a": [1, -2.5e+10, {"b": null}], "\u00e9": "x\ny", "": {}})"));
  EXPECT_FALSE(matches(grammar, "[]"));
  EXPECT_FALSE(matches(grammar, "{\"a\": \"x\ny\"}"));
  EXPECT_FALSE(matches(grammar, "{}}"));
}

// What is strictly below a bound, or no integer, still is when a reader has rounded it to a double.
TEST(JsonSchema, NumbersSurviveTheirReaders) {
  const Grammar below = compile_json_schema(Json::parse(R"({"type": "number", "exclusiveMaximum": 3})"));
  EXPECT_TRUE(matches(below, "2.99999999999999"));
  EXPECT_FALSE(matches(below, "2.9999999999999999999"));
  EXPECT_TRUE(matches(below, "-123456789012345"));
  const Grammar fraction = compile_json_schema(Json::parse(R"({"type": "number", "not": {"type": "integer"}})"));
  EXPECT_TRUE(matches(fraction, "-12345678901234.5"));
  EXPECT_TRUE(matches(fraction, "0.00000000001"));
  EXPECT_FALSE(matches(fraction, "515956605093156506.016"));
  EXPECT_FALSE(matches(fraction, "12.0"));
}

// Every bound from -130 to 130 against every number around it.
TEST(JsonSchema, IntegerBoundsAreExact) {
  for (int bound = -130; bound <= 130; bound += 13) {
    for (const char* keyword : {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}) {
      Json schema = Json::object();
      schema.set("type", "integer");
      schema.set(keyword, bound);
      Matcher matcher(std::make_shared<const Grammar>(compile_json_schema(schema)));
      for (int value = -1200; value <= 1200; ++value) {
        const std::string name = keyword;
        const bool fits = name == "minimum"            ? value >= bound
                          : name == "maximum"          ? value <= bound
                          : name == "exclusiveMinimum" ? value > bound
                                                       : value < bound;
        ASSERT_EQ(matches(matcher, cat(value)), fits) << schema.dump() << " " << value;
      }
    }
  }
}

TEST(JsonSchema, RefusalsNameThePointer) {
  EXPECT_THAT(refusal(R"({"properties": {"a": {"contains": {}}}})"),
              HasSubstr("schema: #/properties/a/contains: is not supported"));
  EXPECT_THAT(refusal(R"({"items": {"uniqueItems": true}})"),
              HasSubstr("schema: #/items/uniqueItems: cannot be enforced"));
  EXPECT_THAT(refusal(R"({"if": {}, "then": {}})"), HasSubstr("schema: #/if: is not supported"));
  EXPECT_THAT(refusal(R"({"minlength": 3})"), HasSubstr("schema: #/minlength: is no keyword; is minLength meant?"));
  EXPECT_THAT(refusal(R"({"type": "text"})"), HasSubstr("schema: #/type: expected the name of a type, got \"text\""));
  EXPECT_THAT(refusal(R"({"type": "string", "minLength": -1})"),
              HasSubstr("schema: #/minLength: expected a whole number"));
  EXPECT_THAT(refusal(R"({"type": "string", "pattern": "(?=a)b"})"),
              HasSubstr("schema: #/pattern: the pattern (?=a)b"));
  EXPECT_THAT(refusal(R"({"type": "string", "format": "regex"})"),
              HasSubstr("schema: #/format: \"regex\" is not supported; known are"));
  EXPECT_THAT(refusal(R"({"$ref": "#/$defs/none"})"), HasSubstr("leads nowhere"));
  EXPECT_THAT(refusal(R"({"$ref": "other.json"})"), HasSubstr("schema: #/$ref: \"other.json\" is not supported"));
  EXPECT_THAT(refusal(R"({"oneOf": [{"type": "integer"}, {"minimum": 2}]})"),
              HasSubstr("#/oneOf: alternatives 0 and 1 are not plainly exclusive"));
  EXPECT_THAT(refusal(R"({"type": "number", "multipleOf": 0.1})"), HasSubstr("#/multipleOf"));
  EXPECT_THAT(refusal(R"({"type": "object", "required": ["a"], "properties": {"a": false}})"),
              HasSubstr("unsatisfiable"));
  EXPECT_THAT(refusal("[]"), HasSubstr("expected a schema"));
  EXPECT_THAT(refusal(R"({"min/Length": 1})"), HasSubstr("#/min~1Length"));
}

TEST(JsonSchema, HostileSchemasHitLimits) {
  EXPECT_THAT(refusal(R"({"$ref": "#"})"), HasSubstr("refers to itself"));
  EXPECT_THAT(
      refusal(
          R"({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"})"),
      HasSubstr("refers to itself"));
  EXPECT_THAT(refusal(R"({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}})"),
              HasSubstr("unsatisfiable"));
  EXPECT_THAT(refusal(R"({"type": "string", "maxLength": 1000000000})"), HasSubstr("at most"));
  EXPECT_THAT(refusal(R"({"type": "array", "items": {}, "minItems": 1000000000})"), HasSubstr("at most"));
  EXPECT_THAT(refusal(R"({"type": "string", "pattern": "^(a{1000}){1000}$"})"), HasSubstr("too large"));
  EXPECT_THAT(refusal(R"({"type": "string", "pattern": "(a|b)*a(a|b){30}$"})"), HasSubstr("too l"));
  EXPECT_THAT(refusal(R"({"type": "object", "minProperties": 5000, "additionalProperties": false})"),
              HasSubstr("unsatisfiable"));
  std::string doubled = R"({"allOf": [)";
  for (int i = 0; i < 20; ++i)
    doubled += cat(i > 0 ? "," : "", R"({"anyOf": [{"minLength": )", i, R"(}, {"maxLength": )", i + 50, "}]}");
  EXPECT_THAT(refusal(doubled + "]}"), HasSubstr("combinations of alternatives"));
  std::string deep;
  for (int i = 0; i < 60; ++i) deep += R"({"items": )";
  deep += R"({"type": "null"})" + std::string(60, '}');
  EXPECT_EQ(refusal(deep), "no error");
  Json wide = Json::object(), properties = Json::object();
  for (int i = 0; i < 400; ++i) properties.set(cat("property", i), Json::parse(R"({"type": "string"})"));
  wide.set("properties", properties);
  EXPECT_EQ(refusal(wide.dump()), "no error");
}

const std::vector<const char*>& schemas() {
  static const std::vector<const char*> list = {
      R"({"type": "object", "properties": {"name": {"type": "string", "maxLength": 9}, "a": {"type": ["integer", "null"], "minimum": -3, "maximum": 120}, "ab": {"type": "array", "items": {"type": "number"}, "maxItems": 3}}, "required": ["a"], "additionalProperties": false})",
      R"({"type": "object", "properties": {"x": {"enum": ["ab", "abc", 12]}, "abc": {"type": "string", "pattern": "^[a-f1-3]{2,6}$"}}, "required": ["x", "abc"], "maxProperties": 4})",
      R"({"type": "array", "minItems": 1, "maxItems": 4, "items": {"anyOf": [{"type": "boolean"}, {"$ref": "#"}, {"type": "string", "format": "date"}]}})",
      R"({"type": "object", "patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": {"type": "string", "maxLength": 4}, "maxProperties": 3})",
      R"({"type": "object"})",
      R"({"type": "number", "exclusiveMinimum": -2.5, "maximum": 31.75})",
  };
  return list;
}

TEST(JsonSchema, RandomWalksWriteValidJson) {
  const auto vocabulary = testing::small_constraint_vocabulary();
  int finished = 0;
  for (const char* text : schemas()) {
    const Json schema = Json::parse(text);
    const Grammar grammar = compile_json_schema(schema);
    const auto constraint = std::make_shared<CompiledConstraint>(grammar, vocabulary);
    SchemaShapes validator(schema, Objects::Open);
    for (uint64_t seed = 0; seed < 60; ++seed) {
      const testing::Walk walk = testing::random_walk(constraint, grammar, *vocabulary, seed, 300, seed < 3);
      if (!walk.ended) continue;
      ++finished;
      const Json value = Json::parse(walk.text);
      EXPECT_TRUE(validator.allows(validator.root_set(), value)) << text << " " << walk.text;
    }
  }
  EXPECT_GT(finished, 100);
}

}  // namespace

}  // namespace paceline::constrain

// What the text of a parameter means, by the schema of its tool.
#include "text/tool_call.h"

#include <gtest/gtest.h>

namespace paceline {
namespace {

TEST(ToolSchemas, TypesAreFoundWhereverTheyStand) {
  const ToolSchemas schemas(
      Json::parse(R"([{"type": "function", "function": {"name": "f", "parameters": {"properties": {
    "plain": {"type": "integer"}, "list": {"type": ["number", "null"]}, "any": {}, "nullable": {"type": "object", "nullable": true},
    "referred": {"$ref": "#/$defs/address"}, "optional": {"anyOf": [{"$ref": "#/$defs/address"}, {"type": "null"}]},
    "all": {"allOf": [{"$ref": "#/$defs/unit"}]}, "const": {"const": true}, "text": {"type": "string"},
    "lost": {"$ref": "#/$defs/nowhere"}, "loop": {"$ref": "#/properties/loop"}},
    "$defs": {"address": {"type": "object"}, "unit": {"enum": [1, 2.5, 3]}}}}}])"));
  const auto value = [&](const char* parameter, const char* text) {
    return schemas.value("f", parameter, text).dump();
  };
  EXPECT_EQ(value("plain", " 12\n"), "12");
  EXPECT_EQ(value("plain", "12.5"), "\"12.5\"");
  EXPECT_EQ(value("plain", "99999999999999999999"), "1e+20");
  EXPECT_EQ(value("list", "None"), "null");
  EXPECT_EQ(value("list", "7"), "7");
  EXPECT_EQ(value("any", "7"), "\"7\"");
  EXPECT_EQ(value("nullable", "null"), "null");
  EXPECT_EQ(value("referred", "{\"city\": \"Rome\"}"), "{\"city\":\"Rome\"}");
  EXPECT_EQ(value("referred", "Rome"), "\"Rome\"");
  EXPECT_EQ(value("optional", "{}"), "{}");
  EXPECT_EQ(value("optional", "null"), "null");
  EXPECT_EQ(value("all", "2.5"), "2.5");
  EXPECT_EQ(value("const", "True"), "true");
  EXPECT_EQ(value("text", "12"), "\"12\"");
  EXPECT_EQ(value("lost", "12"), "\"12\"");
  EXPECT_EQ(value("loop", "12"), "\"12\"");
  EXPECT_EQ(value("unknown", "12"), "\"12\"");
}

}  // namespace
}  // namespace paceline

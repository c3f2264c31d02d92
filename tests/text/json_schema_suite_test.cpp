// The JSON Schema Test Suite: of every schema that compiles, what is valid is accepted and what is not is refused; every other schema
// is refused by name. tests/data/schema/coverage.txt says how many there are of each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>

#include "base/error.h"
#include "tests/text/constrain_support.h"
#include "text/constrain/json_schema.h"
#include "text/constrain/schema_shapes.h"

namespace paceline::constrain {

namespace {

using testing::matches;

// The names of all properties, in the order of the document.
void collect_names(const Json& schema, std::vector<std::string>& names) {
  if (schema.is_array()) {
    for (const Json& part : schema.as_array()) collect_names(part, names);
  }
  if (!schema.is_object()) return;
  for (const JsonMember& member : schema.as_object().members()) {
    if (member.key == "properties" && member.value.is_object()) {
      for (const JsonMember& property : member.value.as_object().members()) names.push_back(property.key);
    }
    collect_names(member.value, names);
  }
}

// As a grammar's texts are written: properties in order, whole numbers without a point.
Json arranged(const Json& value, const std::vector<std::string>& names) {
  if (value.is_number() && !value.is_integer() && std::abs(value.as_number()) < 9e18 &&
      std::floor(value.as_number()) == value.as_number()) {
    return static_cast<int64_t>(value.as_number());
  }
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& item : value.as_array()) out.push_back(arranged(item, names));
    return out;
  }
  if (!value.is_object()) return value;
  std::vector<JsonMember> members = value.as_object().members();
  const auto place = [&](const JsonMember& member) {
    return std::find(names.begin(), names.end(), member.key) - names.begin();
  };
  std::stable_sort(members.begin(), members.end(), [&](const auto& a, const auto& b) { return place(a) < place(b); });
  Json out = Json::object();
  for (const JsonMember& member : members) out.set(member.key, arranged(member.value, names));
  return out;
}

// Whether the grammar has the value with the outermost properties in any order.
bool accepts(Matcher& matcher, const Json& value) {
  if (matches(matcher, value.dump())) return true;
  if (!value.is_object() || value.as_object().size() > 5) return false;
  std::vector<size_t> order(value.as_object().size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  do {
    Json out = Json::object();
    for (const size_t i : order) out.set(value.as_object().members()[i].key, value.as_object().members()[i].value);
    if (matches(matcher, out.dump())) return true;
  } while (std::next_permutation(order.begin(), order.end()));
  return false;
}

// Valid, but written in a way that grammars leave out on purpose.
bool is_left_out(const std::string& file, const std::string& test) {
  if (file.ends_with("/format")) return true;  // there `format` is a remark
  if (file.starts_with("format/")) {  // rare forms, see format_language
    return !file.ends_with("/date") && !file.ends_with("/ipv4") && !file.ends_with("/uuid");
  }
  return test.find("float overflow") != std::string::npos;
}

struct Coverage {
  int compiled = 0, refused = 0;
};

void judge(const std::string& file, const Json& group, Coverage& coverage) {
  Json schema = group.at("schema");
  if (file.starts_with("draft7/") && schema.is_object())
    schema.set("$schema", "http://json-schema.org/draft-07/schema#");
  std::optional<Matcher> matcher;
  try {
    matcher.emplace(std::make_shared<const Grammar>(compile_json_schema(schema)));
    ++coverage.compiled;
  } catch (const Error& error) {
    // A schema that nothing satisfies has no grammar, and is told so.
    const bool unsatisfiable = std::string_view(error.what()).find("unsatisfiable") != std::string_view::npos;
    EXPECT_TRUE(unsatisfiable || std::string_view(error.what()).starts_with("schema: #")) << error.what();
    ++(unsatisfiable ? coverage.compiled : coverage.refused);
    if (!unsatisfiable) return;
  }
  std::vector<std::string> names;
  collect_names(schema, names);
  for (const Json& test : group.at("tests").as_array()) {
    const std::string where =
        cat(file, ": ", group.at("description").as_string(), ": ", test.at("description").as_string());
    const bool accepted = matcher && accepts(*matcher, arranged(test.at("data"), names));
    if (test.at("valid").as_bool()) {
      EXPECT_TRUE(accepted || is_left_out(file, where))
          << where << " " << schema.dump() << " " << test.at("data").dump();
    } else {
      EXPECT_FALSE(accepted) << where << " " << schema.dump() << " " << test.at("data").dump();
    }
  }
}

// A text of the grammar that ends soon, "" when it does not.
std::string written(Matcher& matcher, std::mt19937_64& random) {
  SetId set = matcher.start();
  std::string text;
  while (text.size() < 300) {
    if (matcher.can_end(set) && (random() % 3 == 0 || !matcher.can_continue(set))) return text;
    std::vector<char> choices, closing;
    for (int byte = 0; byte < 256; ++byte) {
      if (matcher.step(set, static_cast<uint8_t>(byte)) == Matcher::kDead) continue;
      choices.push_back(static_cast<char>(byte));
      if (byte == '"' || byte == ']' || byte == '}') closing.push_back(static_cast<char>(byte));
    }
    if (choices.empty()) return text;
    const auto& from = closing.empty() || random() % 3 == 0 ? choices : closing;
    text += from[random() % from.size()];
    set = matcher.step(set, static_cast<uint8_t>(text.back()));
  }
  return "";
}

TEST(JsonSchemaSuite, WhatGrammarsWriteIsValid) {
  std::ifstream file(PACELINE_SCHEMA_DATA "/suite.json", std::ios::binary);
  ASSERT_TRUE(file) << "build the target schema_data";
  const Json suite = Json::parse(std::string(std::istreambuf_iterator<char>(file), {}));
  std::mt19937_64 random(1);
  int texts = 0;
  for (const JsonMember& part : suite.as_object().members()) {
    for (const Json& group : part.value.as_array()) {
      const Json& schema = group.at("schema");
      std::optional<Matcher> matcher;
      try {
        matcher.emplace(std::make_shared<const Grammar>(compile_json_schema(schema)));
      } catch (const Error&) {
        continue;  // refused, as the other test says
      }
      SchemaShapes judge(schema, Objects::Open);
      for (int i = 0; i < 6; ++i) {
        const std::string text = written(*matcher, random);
        if (text.empty()) continue;
        ++texts;
        EXPECT_TRUE(judge.allows(judge.root_set(), Json::parse(text)))
            << part.key << " " << schema.dump() << " " << text;
      }
    }
  }
  EXPECT_GT(texts, 1500);
}

TEST(JsonSchemaSuite, ValidIsAcceptedAndInvalidIsNot) {
  std::ifstream file(PACELINE_SCHEMA_DATA "/suite.json", std::ios::binary);
  ASSERT_TRUE(file) << "build the target schema_data";
  const Json suite = Json::parse(std::string(std::istreambuf_iterator<char>(file), {}));
  std::ostringstream table;
  table << "# Schemas of the JSON Schema Test Suite, by file: compiled, refused with an error.\n";
  Coverage all;
  for (const JsonMember& part : suite.as_object().members()) {
    Coverage coverage;
    for (const Json& group : part.value.as_array()) judge(part.key, group, coverage);
    table << part.key << ' ' << coverage.compiled << ' ' << coverage.refused << '\n';
    all.compiled += coverage.compiled, all.refused += coverage.refused;
  }
  table << "all " << all.compiled << ' ' << all.refused << '\n';
  std::ifstream tracked(PACELINE_TEST_DATA "/data/schema/coverage.txt");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(tracked), {}), table.str()) << "tests/data/schema/coverage.txt";
}

}  // namespace

}  // namespace paceline::constrain

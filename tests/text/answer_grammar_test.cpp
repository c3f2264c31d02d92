// Whole answers: whatever the masks lead to, the parser of answers finds in it what was asked for, valid for its schema.
#include "text/constrain/answer_grammar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/text/constrain_support.h"
#include "text/chat_template.h"
#include "text/constrain/schema_shapes.h"
#include "text/output_parser.h"
#include "text/template_vectors.h"

namespace paceline::constrain {

namespace {

using testing::error_of;
using testing::matches;
using testing::random_walk;
using Kind = OutputEvent::Kind;

// Words that end things come last: random walks prefer them.
std::shared_ptr<const ConstraintVocabulary> call_vocabulary() {
  static const auto vocabulary = [] {
    std::vector<std::string> words = testing::small_words();
    words.resize(words.size() - 2);
    for (const char* word : {"</", "</para", "</function", "parameter>", "<parameter=a>", "</tool_call>", "<tool_call>",
                             "</think>", "\r", "\r\n", "null", "None", "\n</parameter>\n", "</parameter>",
                             "</function>", "\n</tool_call>", "\"}", "\"]", "\","})
      words.emplace_back(word);
    words.emplace_back("<end>");
    const Token end = static_cast<Token>(words.size()) - 1;
    return std::make_shared<const ConstraintVocabulary>(words, std::span(&end, 1));
  }();
  return vocabulary;
}

const char* const kTools = R"([
  {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {
    "city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 9},
    "unit": {"enum": ["celsius", "fahrenheit"]}}, "required": ["city"]}}},
  {"type": "function", "function": {"name": "write", "parameters": {"type": "object", "properties": {
    "text": {"type": ["string", "null"], "maxLength": 6}, "code": {"type": "string", "pattern": "^[a-z\\r]{1,3}$"},
    "flag": {"type": "boolean"}, "rest": {"$ref": "#/$defs/part"}}, "required": ["text", "code", "flag", "rest"],
    "additionalProperties": false,
    "$defs": {"part": {"type": "object", "properties": {"note": {"type": "string"}, "n": {"type": "number"},
      "short": {"type": "string", "maxLength": 4}, "list": {"type": "array", "items": {"enum": [1, "a<", null]}}}}}}}},
  {"type": "function", "function": {"name": "choose", "parameters": {"type": "object", "properties": {
    "one": {"anyOf": [{"type": "integer"}, {"type": "null"}]}, "two": {"enum": [1, 2.5, true, null]},
    "three": {"oneOf": [{"const": "x"}, {"const": 3}]}, "four": {}}}}},
  {"type": "function", "function": {"name": "now"}}
])";

AnswerForm call_form(CallStyle style, const std::vector<std::string>& names) {
  AnswerForm form;
  form.calls = AnswerForm::Calls::Required;
  form.call_style = style;
  form.tool_definitions = Json::parse(kTools);
  for (const std::string& name : names) form.tools.push_back({name, "tools"});
  return form;
}

const Json* parameters(const Json& tools, const std::string& name) {
  for (const Json& tool : tools.as_array())
    if (tool.at("function").at("name").as_string() == name) return tool.at("function").find("parameters");
  return nullptr;
}

std::vector<OutputEvent> parsed(const AnswerForm& form, const std::string& text) {
  OutputParser parser({.starts_in_reasoning = form.after_thought,
                       .reasoning = true,
                       .tool_calls = form.calls != AnswerForm::Calls::None,
                       .calls_come_first = form.content != AnswerForm::Content::Text,
                       .schemas = ToolSchemas(form.tool_definitions)});
  std::vector<OutputEvent> events = parser.push(text);
  for (OutputEvent& event : parser.finish()) events.push_back(std::move(event));
  return events;
}

// Texts that random walks find, those that ended.
std::vector<std::string> texts_of(const AnswerForm& form, int walks) {
  const Grammar grammar = compile_answer(form);
  const auto constraint = std::make_shared<CompiledConstraint>(grammar, call_vocabulary());
  std::vector<std::string> texts;
  for (int seed = 0; seed < walks; ++seed) {
    const auto walk = random_walk(constraint, grammar, *call_vocabulary(), static_cast<uint64_t>(seed), 400, false);
    if (walk.ended) texts.push_back(walk.text);
  }
  EXPECT_GT(texts.size(), static_cast<size_t>(walks) / 20);
  return texts;
}

void expect_valid_calls(const AnswerForm& form, const std::string& text) {
  const std::vector<OutputEvent> events = parsed(form, text);
  ASSERT_FALSE(events.empty()) << text;
  for (const OutputEvent& event : events) {
    if (event.kind == Kind::Reasoning) continue;
    ASSERT_EQ(event.kind, Kind::Call) << text << "\nleft as text: " << event.text;
    const Json* schema = parameters(form.tool_definitions, event.call.name);
    if (schema == nullptr) {
      EXPECT_EQ(event.call.arguments.dump(), "{}") << text;
      continue;
    }
    SchemaShapes validator(*schema, Objects::Open);
    EXPECT_TRUE(validator.allows(validator.root_set(), event.call.arguments)) << text << "\n"
                                                                              << event.call.arguments.dump();
  }
}

TEST(AnswerGrammar, CallsAreValidHoweverTheyAreWritten) {
  for (const CallStyle style : {CallStyle::Xml, CallStyle::Json}) {
    for (const char* name : {"weather", "write", "choose", "now"}) {
      const AnswerForm form = call_form(style, {name});
      for (const std::string& text : texts_of(form, 150)) expect_valid_calls(form, text);
    }
    AnswerForm form = call_form(style, {"weather", "write", "choose", "now"});
    form.after_thought = true;
    for (const std::string& text : texts_of(form, 100)) expect_valid_calls(form, text);
  }
}

TEST(AnswerGrammar, CallsAreWhatTemplatesWrite) {
  const Grammar xml = compile_answer(call_form(CallStyle::Xml, {"weather", "now"}));
  const std::string first =
      "<tool_call>\n<function=weather>\n<parameter=city>\nSão \"Paulo\"\n\n</parameter>\n<parameter=days>\n3\n"
      "</parameter>\n</function>\n</tool_call>";
  EXPECT_TRUE(matches(xml, first));
  EXPECT_TRUE(matches(xml, first + "\n<tool_call>\n<function=now>\n</function>\n</tool_call>"));
  EXPECT_FALSE(matches(xml, "<tool_call>\n<function=weather>\n</function>\n</tool_call>")) << "city is required";
  EXPECT_FALSE(matches(xml, "<tool_call>\n<function=write>\n</function>\n</tool_call>")) << "not offered";
  EXPECT_FALSE(matches(xml, "It is sunny."));
  const Grammar json = compile_answer(call_form(CallStyle::Json, {"weather", "now"}));
  EXPECT_TRUE(matches(json,
                      "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"</tool_call>\", \"days\": "
                      "9}}\n</tool_call>"));
  EXPECT_TRUE(matches(json, "<tool_call>\n{\"name\":\"now\",\"arguments\":{}}\n</tool_call>"));
  AnswerForm one = call_form(CallStyle::Xml, {"now"});
  one.several_calls = false;
  const std::string call = "<tool_call>\n<function=now>\n</function>\n</tool_call>";
  EXPECT_TRUE(matches(compile_answer(one), call));
  EXPECT_FALSE(matches(compile_answer(one), call + "\n" + call));
}

// What a model has learnt to write is in the language, for every published template whose form of calls we know.
TEST(AnswerGrammar, CallsThatTemplatesRenderAreInTheLanguage) {
  int known = 0;
  for (const JsonMember& member : template_vectors().at("templates").as_object().members()) {
    const ChatTemplate chat = ChatTemplate::parse(member.value.as_string());
    const CallStyle style = chat.call_style();
    if (style == CallStyle::None) continue;
    ++known;
    ChatRequest request;
    request.add_generation_prompt = false;
    request.now = std::tm{};
    request.messages = Json::parse(R"([{"role": "user", "content": "And?"}, {"role": "assistant", "content": "",
      "tool_calls": [{"id": "call00001", "type": "function", "function": {"name": "weather", "arguments":
      {"city": "Paris, \"5th\"", "days": 3}}}]}])");
    const std::string prompt = chat.render(request);
    const size_t begin = prompt.rfind("<tool_call>"), end = prompt.find("</tool_call>", begin);
    ASSERT_NE(end, std::string::npos) << member.key;
    const std::string call = prompt.substr(begin, end + 12 - begin);
    EXPECT_TRUE(matches(compile_answer(call_form(style, {"weather"})), call)) << member.key << "\n" << call;
  }
  EXPECT_GT(known, 8);
}

TEST(AnswerGrammar, TheFormBeginsBehindTheThought) {
  AnswerForm form;
  form.after_thought = true;
  form.content = AnswerForm::Content::JsonSchema;
  form.schema = Json::parse(R"({"type": "integer"})");
  const Grammar grammar = compile_answer(form);
  EXPECT_TRUE(matches(grammar, "I think {\"a\": <think> 7 </thin\n</think>\n\n12"));
  EXPECT_TRUE(matches(grammar, "</think>12"));
  EXPECT_FALSE(matches(grammar, "12"));
  EXPECT_FALSE(matches(grammar, "12</think>"));
  EXPECT_FALSE(matches(grammar, "x</think>y</think>12"));
  EXPECT_FALSE(matches(grammar, "x</think>\n\n\n12"));
  const auto events = parsed(form, "hm </think>\n\n12");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].text, "hm");
  EXPECT_EQ(events[1].text, "12");
}

// Content of a form may hold what looks like a call.
TEST(AnswerGrammar, ContentOrCalls) {
  AnswerForm form = call_form(CallStyle::Json, {"now"});
  form.calls = AnswerForm::Calls::Possible;
  form.content = AnswerForm::Content::JsonObject;
  const Grammar grammar = compile_answer(form);
  const std::string call = "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>";
  EXPECT_TRUE(matches(grammar, call));
  EXPECT_FALSE(matches(grammar, "text " + call));
  const std::string content = "{\"a\": \"<tool_call> {} </tool_call>\"}";
  EXPECT_TRUE(matches(grammar, content));
  auto events = parsed(form, content);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].text, content);
  events = parsed(form, call);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].call.name, "now");

  form.content = AnswerForm::Content::Text;
  const Grammar strict = compile_answer(form);
  EXPECT_TRUE(matches(strict, "text " + call));
  EXPECT_TRUE(matches(strict, "just text < or <tool"));
  EXPECT_FALSE(matches(strict, "<tool_call>\n{\"name\": \"other\", \"arguments\": {}}\n</tool_call>"));
}

TEST(AnswerGrammar, ObjectsHaveThePropertiesThatAreNamed) {
  const auto accepts = [](const char* schema, const std::string& text) {
    AnswerForm form;
    form.content = AnswerForm::Content::JsonSchema;
    form.schema = Json::parse(schema);
    return matches(compile_answer(form), text);
  };
  const char* const kPoint = R"({"type": "object", "properties": {"x": {}, "y": {}}, "required": ["x"]})";
  EXPECT_TRUE(accepts(kPoint, R"({"x":1,"y":2})"));
  EXPECT_TRUE(accepts(kPoint, R"({"x":1})"));
  EXPECT_FALSE(accepts(kPoint, R"({"x":1,"z":2})"));
  // Where others are spoken of or none is named, it is as JSON Schema has it.
  EXPECT_TRUE(accepts(R"({"type": "object", "properties": {"x": {}}, "additionalProperties": true})", R"({"z":2})"));
  EXPECT_TRUE(accepts(R"({"type": "object"})", R"({"z":2})"));
  EXPECT_FALSE(accepts(R"({"type": "object", "properties": {}})", R"({"z":2})"));
  EXPECT_TRUE(accepts(R"({"type": "object", "patternProperties": {"^a": {}}})", R"({"a1":2})"));
  EXPECT_FALSE(accepts(R"({"type": "object", "patternProperties": {"^a": {}}})", R"({"z":2})"));
  // One that cannot be there is not enough of them.
  EXPECT_TRUE(accepts(R"({"type": "object", "properties": {"x": false}, "additionalProperties": {}})", R"({"z":2})"));
  // Those that schemas name together.
  const char* const kBoth = R"({"type": "object", "properties": {"x": {}}, "allOf": [{"properties": {"y": {}}}]})";
  EXPECT_TRUE(accepts(kBoth, R"({"x":1,"y":2})"));
  EXPECT_FALSE(accepts(kBoth, R"({"x":1,"z":2})"));
}

TEST(AnswerGrammar, WordsThatNoSchemaHasAreRemarks) {
  AnswerForm form;
  form.content = AnswerForm::Content::JsonSchema;
  form.schema =
      Json::parse(R"({"type": "string", "format": "password", "markdownDescription": "*", "discriminator": {}})");
  EXPECT_TRUE(matches(compile_answer(form), R"("secret")"));
}

TEST(AnswerGrammar, ErrorsNameTheField) {
  AnswerForm form;
  form.content = AnswerForm::Content::JsonSchema;
  form.content_field = "response_format.json_schema.schema";
  form.schema = Json::parse(R"({"properties": {"a": {"type": "string", "contains": 1}}})");
  EXPECT_EQ(error_of([&] { compile_answer(form); }),
            "response_format.json_schema.schema: schema: #/properties/a/contains: is not supported in constrained "
            "output");
  form.schema = Json::parse(R"({"type": "integer", "minimum": 3, "maximum": 2})");
  EXPECT_THAT(error_of([&] { compile_answer(form); }), ::testing::HasSubstr("unsatisfiable"));
  form.content = AnswerForm::Content::Gbnf;
  form.content_field = "grammar";
  form.gbnf = "root ::= x";
  EXPECT_EQ(error_of([&] { compile_answer(form); }), "grammar: grammar:1:10: rule x is used but not defined");

  AnswerForm calls = call_form(CallStyle::Xml, {"weather"});
  calls.tools[0].field = "tools[0].function.parameters";
  calls.tool_definitions =
      Json::parse(R"([{"function": {"name": "weather", "parameters": {"properties": {"a>b": {"type": "string"}}}}}])");
  EXPECT_THAT(error_of([&] { compile_answer(calls); }),
              ::testing::StartsWith("tools[0].function.parameters: the parameter \"a>b\" cannot be written"));
  calls.tool_definitions = Json::parse(
      R"([{"function": {"name": "weather", "parameters": {"properties": {"a": {"type": "array", "uniqueItems": true}}}}}])");
  EXPECT_THAT(error_of([&] { compile_answer(calls); }),
              ::testing::StartsWith("tools[0].function.parameters: schema: #/properties/a/uniqueItems: "));
}

TEST(AnswerGrammar, KeysTellFormsApart) {
  AnswerForm form = call_form(CallStyle::Xml, {"weather"});
  const std::string key = form.key();
  form.tools[0].field = "elsewhere";
  EXPECT_EQ(form.key(), key);
  form.several_calls = false;
  EXPECT_NE(form.key(), key);
  form.several_calls = true;
  form.after_thought = true;
  EXPECT_NE(form.key(), key);
}

}  // namespace

}  // namespace paceline::constrain

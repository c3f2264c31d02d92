// Any JSON as the schema of a tool: refused with Error or compiled within limits; whatever text its grammar leads to, in both forms of
// calls, the parser of answers finds one call in it, whose arguments are valid for the schema.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "text/constrain/answer_grammar.h"
#include "text/constrain/matcher.h"
#include "text/constrain/schema_shapes.h"
#include "text/output_parser.h"

namespace {

using namespace paceline;
using namespace paceline::constrain;

// A text of the grammar, chosen by the bytes of `choices`, then the shortest way on that is found by trying; "" when that does not end.
std::string written(const Grammar& grammar, std::string_view choices) {
  Matcher matcher(std::make_shared<const Grammar>(grammar));
  SetId set = matcher.start();
  std::string text;
  const auto take = [&](int from) {
    for (int tries = 0; tries < 256; ++tries) {
      const uint8_t byte = static_cast<uint8_t>(from + tries);
      const SetId next = matcher.step(set, byte);
      if (next == Matcher::kDead) continue;
      set = next;
      text += static_cast<char>(byte);
      return true;
    }
    return false;
  };
  for (const char choice : choices) {
    if (!take(static_cast<uint8_t>(choice))) return matcher.can_end(set) ? text : "";
  }
  for (int i = 0; i < 400 && !matcher.can_end(set); ++i) {
    static constexpr std::string_view kEnding = "\"]}\n<";
    if (!take(static_cast<uint8_t>(kEnding[static_cast<size_t>(i) % kEnding.size()]))) return "";
  }
  return matcher.can_end(set) ? text : "";
}

void check(const AnswerForm& form, const Json& schema, std::string_view choices) {
  GrammarLimits limits;
  limits.states = 20'000;
  std::string text;
  try {
    text = written(compile_answer(form, limits), choices);
  } catch (const Error&) {
    return;
  }
  if (text.empty()) return;
  OutputParser parser({.starts_in_reasoning = false,
                       .reasoning = true,
                       .tool_calls = true,
                       .calls_come_first = false,
                       .schemas = ToolSchemas(form.tool_definitions)});
  std::vector<OutputEvent> events = parser.push(text);
  for (OutputEvent& event : parser.finish()) events.push_back(std::move(event));
  const bool one_call = events.size() == 1 && events[0].kind == OutputEvent::Kind::Call;
  PACELINE_ASSERT(one_call);
  SchemaShapes judge(schema, Objects::Open);
  const bool valid = judge.allows(judge.root_set(), events[0].call.arguments);
  PACELINE_ASSERT(valid);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t cut = std::min(input.find('\0'), size);
  try {
    const Json schema = Json::parse(input.substr(0, cut));
    if (!schema.is_object()) return 0;
    Json function = Json::object(), tool = Json::object(), tools = Json::array();
    function.set("name", "f"), function.set("parameters", schema);
    tool.set("type", "function"), tool.set("function", std::move(function));
    tools.push_back(std::move(tool));
    AnswerForm form;
    form.calls = AnswerForm::Calls::Required;
    form.several_calls = false;
    form.tool_definitions = std::move(tools);
    form.tools = {{"f", "tools"}};
    for (const CallStyle style : {CallStyle::Json, CallStyle::Xml}) {
      form.call_style = style;
      check(form, schema, input.substr(cut));
    }
  } catch (const Error&) {
    return 0;
  }
  return 0;
}

#pragma once
// Tool calls as models write them inside <tool_call>…</tool_call> (spec 8.3): the JSON form {"name": …, "arguments": {…}} and Qwen's
// XML-like form <function=NAME><parameter=P>value</parameter></function>. Tolerant of what models get wrong, never guessing at a
// call that is not there.
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace paceline {

// Which of the two forms; None: neither.
enum class CallStyle { None, Json, Xml };

struct ToolCall {
  std::string name;
  Json arguments = Json::object();  // always an object
  bool operator==(const ToolCall&) const = default;
};

// The parameter types of the tools on offer; the XML-like form writes all values alike, so a type decides whether 12 is a number.
class ToolSchemas {
 public:
  ToolSchemas() = default;
  // OpenAI's form: an array of {"type": "function", "function": {"name", "parameters"}} or of the inner objects. Anything else in it
  // is ignored.
  explicit ToolSchemas(const Json& tools);
  // The value of a parameter from its text: by the declared type where the text fits it, else the text itself.
  Json value(const std::string& function, const std::string& parameter, std::string_view text) const;
  // The names of the types a parameter may have, as far as its schema says: through anyOf, oneOf, allOf, enum, const and references within
  // the tool's schema. None: its text is taken as it is.
  std::vector<std::string> types(const std::string& function, const std::string& parameter) const;

 private:
  std::map<std::string, Json, std::less<>> parameters_;  // by function: its schema, an object
};

// The calls written in `body`, the text between the tags; nullopt when it is not entirely well-formed calls, at least one.
std::optional<std::vector<ToolCall>> parse_tool_calls(std::string_view body, const ToolSchemas& schemas);

// Follows the body of a call as it grows, to tell a closing tag from the same characters inside a value.
class ToolCallScanner {
 public:
  void advance(std::string_view more);
  // In a string of the JSON form, or in a parameter that has not been closed.
  bool inside_value() const { return json_ ? in_string_ && !broken_ : parameter_open_; }
  bool empty() const { return !started_; }

 private:
  void advance_xml(char character);

  bool started_ = false, json_ = false;
  bool in_string_ = false, escaped_ = false;  // JSON
  bool broken_ = false;  // a string holds a control character: this is no JSON, wherever it ends
  bool parameter_open_ = false;  // XML
  std::string tail_;  // the last characters: enough for the longest tag
};

}  // namespace paceline

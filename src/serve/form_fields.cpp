#include "serve/form_fields.h"

#include <algorithm>

#include "serve/api_error.h"

namespace paceline {

namespace {

using constrain::AnswerForm;

constexpr size_t kMostSchemaBytes = size_t{1} << 20;
constexpr size_t kMostTools = 256;

void set_schema(const Json& schema, std::string field, AnswerForm& form) {
  if (schema.dump().size() > kMostSchemaBytes)
    bad_field(field, "a schema of more than ", kMostSchemaBytes, " bytes is not supported");
  form.content = AnswerForm::Content::JsonSchema;
  form.schema = schema;
  form.content_field = std::move(field);
}

// {"type": "json_schema", "schema": …}
void read_plain_format(const Fields& format, AnswerForm& form) {
  if (const std::string type = format.required_text("type"); type != "json_schema")
    bad_field(format.path("type"), "expected json_schema, got ", type);
  const Json* schema = format.object("schema");
  if (schema == nullptr) bad_field(format.path("schema"), "expected a schema, but it is missing");
  set_schema(*schema, format.path("schema"), form);
}

// {"type": "json_schema", "json_schema": {"schema": …}}, {"type": "json_object"}; llama.cpp also has a schema in the latter. Where it
// `is_flat`, {"type": "json_schema", "schema": …}.
void read_response_format(const Fields& format, AnswerForm& form, bool is_flat = false) {
  const std::string type = format.required_text("type");
  if (type == "text") return;
  if (type == "json_object") {
    form.content = AnswerForm::Content::JsonObject;
    form.content_field = format.path("type");
    if (const Json* schema = format.object("schema")) set_schema(*schema, format.path("schema"), form);
  } else if (type == "json_schema" && is_flat) {
    read_plain_format(format, form);
  } else if (type == "json_schema") {
    const Json* holder = format.object("json_schema");
    if (holder == nullptr) bad_field(format.path("json_schema"), "expected an object, but it is missing");
    const Fields inner(*holder, format.path("json_schema"));
    const Json* schema = inner.object("schema");
    if (schema == nullptr) bad_field(inner.path("schema"), "expected a schema, but it is missing");
    set_schema(*schema, inner.path("schema"), form);
  } else {
    bad_field(format.path("type"), "expected text, json_object or json_schema, got ", type);
  }
}

// {"type": "function", "function": {"name": …}}; llama.cpp and older clients leave levels out.
std::string function_name(const Fields& choice) {
  if (const Json* function = choice.object("function"))
    return Fields(*function, "tool_choice.function").required_text("name");
  return choice.required_text("name");
}

// {"mode": "auto" | "required", "tools": [{"type": "function", "function": {"name"}} or {"type", "name"}]}
void read_allowed_tools(const Fields& allowed, ToolChoice& choice) {
  const std::string mode = allowed.required_text("mode");
  if (mode != "auto" && mode != "required") bad_field(allowed.path("mode"), "expected auto or required, got ", mode);
  choice.kind = mode == "auto" ? ToolChoice::Kind::Auto : ToolChoice::Kind::Required;
  const Json* tools = allowed.array("tools");
  if (tools == nullptr || tools->as_array().empty()) bad_field(allowed.path("tools"), "expected at least one tool");
  for (const Json& tool : tools->as_array()) choice.names.push_back(function_name(Fields(tool, allowed.path("tools"))));
}

bool is_strict(const Json& function) {
  const Json* strict = function.find("strict");
  return strict != nullptr && strict->is_bool() && strict->as_bool();
}

void add_tools(const ChatPrompt& prompt, AnswerForm& form) {
  const auto& names = prompt.choice.names;
  int index = 0;
  for (const Json& tool : prompt.tools.as_array()) {
    const std::string& name = tool.at("function").at("name").as_string();
    const std::string field = cat("tools[", index++, "].", prompt.choice.schema_field);
    if (names.empty() || std::find(names.begin(), names.end(), name) != names.end())
      form.tools.push_back({name, field});
  }
  for (const std::string& name : names)
    if (std::none_of(form.tools.begin(), form.tools.end(), [&](const auto& tool) { return tool.name == name; }))
      bad_field("tool_choice", "there is no tool ", name);
}

// Whether the calls, if there are any, have to be held to their schemas.
bool wants_strict_calls(const ChatPrompt& prompt) {
  const auto& tools = prompt.tools.as_array();
  return !prompt.choice.names.empty() ||
         std::any_of(tools.begin(), tools.end(), [](const Json& tool) { return is_strict(tool.at("function")); });
}

void add_calls(const ChatPrompt& prompt, AnswerForm& form, bool required) {
  if (prompt.tools.as_array().size() > kMostTools)
    bad_field("tools", "at most ", kMostTools, " tools can be held to their schemas, got ",
              prompt.tools.as_array().size());
  form.calls = required ? AnswerForm::Calls::Required : AnswerForm::Calls::Possible;
  form.several_calls = prompt.choice.parallel;
  form.tool_definitions = prompt.tools;
  add_tools(prompt, form);
}

}  // namespace

AnswerForm read_content_form(const Fields& fields) {
  AnswerForm form;
  std::string first;
  const auto only = [&](const char* name) {
    if (!first.empty() && !form.is_free()) bad_field(name, "cannot be had together with ", first);
    first = name;
  };
  if (const Json* format = fields.object("response_format")) {
    only("response_format");
    read_response_format(Fields(*format, "response_format"), form);
  }
  if (const Json* schema = fields.object("json_schema")) {
    only("json_schema");
    set_schema(*schema, "json_schema", form);
  }
  if (const auto grammar = fields.text("grammar"); grammar && !grammar->empty()) {
    only("grammar");
    form.content = AnswerForm::Content::Gbnf;
    form.content_field = "grammar";
    form.gbnf = *grammar;
  }
  return form;
}

AnswerForm read_text_format(const Fields& fields) {
  AnswerForm form = read_content_form(fields);
  const Json* text = fields.object("text");
  const Json* format = text != nullptr ? Fields(*text, "text").object("format") : nullptr;
  if (format == nullptr) return form;
  AnswerForm given;
  read_response_format(Fields(*format, "text.format"), given, true);
  if (given.is_free()) return form;
  if (!form.is_free()) bad_field("text.format", "cannot be had together with ", form.content_field);
  return given;
}

AnswerForm read_ollama_format(const Fields& fields) {
  AnswerForm form;
  const Json* format = fields.find("format");
  if (format == nullptr || (format->is_string() && format->as_string().empty())) return form;
  if (format->is_object()) {
    set_schema(*format, "format", form);
  } else if (format->is_string() && format->as_string() == "json") {
    form.content = AnswerForm::Content::JsonObject;
    form.content_field = "format";
  } else {
    bad_field("format", "expected \"json\" or a schema, got ",
              format->is_string() ? format->dump() : std::string(format->kind()));
  }
  return form;
}

AnswerForm read_output_format(const Fields& fields) {
  AnswerForm form;
  if (const Json* format = fields.object("output_format")) read_plain_format(Fields(*format, "output_format"), form);
  if (const Json* config = fields.object("output_config"))
    if (const Json* format = Fields(*config, "output_config").object("format"))
      read_plain_format(Fields(*format, "output_config.format"), form);
  return form;
}

ToolChoice read_tool_choice(const Fields& fields) {
  ToolChoice choice;
  choice.parallel = fields.boolean("parallel_tool_calls").value_or(true);
  const Json* given = fields.find("tool_choice");
  if (given == nullptr) return choice;
  if (given->is_object()) {
    const Fields inner(*given, "tool_choice");
    const std::string type = inner.text("type").value_or("function");
    if (type == "allowed_tools") {
      const Json* allowed = inner.object("allowed_tools");
      read_allowed_tools(allowed != nullptr ? Fields(*allowed, "tool_choice.allowed_tools") : inner, choice);
      return choice;
    }
    if (type != "function") bad_field("tool_choice.type", "expected function or allowed_tools, got ", type);
    choice.kind = ToolChoice::Kind::Required;
    choice.parallel = false;
    choice.names = {function_name(inner)};
    return choice;
  }
  const std::string word = given->is_string() ? given->as_string() : "";
  if (word == "none") choice.kind = ToolChoice::Kind::None;
  else if (word == "required") choice.kind = ToolChoice::Kind::Required;
  else if (word != "auto")
    bad_field("tool_choice", "expected \"none\", \"auto\", \"required\" or a function, got ", given->dump());
  return choice;
}

ToolChoice read_anthropic_tool_choice(const Fields& fields) {
  ToolChoice choice;
  choice.schema_field = "input_schema";
  const Json* given = fields.object("tool_choice");
  if (given == nullptr) return choice;
  const Fields inner(*given, "tool_choice");
  choice.parallel = !inner.boolean("disable_parallel_tool_use").value_or(false);
  const std::string type = inner.required_text("type");
  if (type == "none") {
    choice.kind = ToolChoice::Kind::None;
  } else if (type == "any") {
    choice.kind = ToolChoice::Kind::Required;
  } else if (type == "tool") {
    choice.kind = ToolChoice::Kind::Required;
    choice.parallel = false;
    choice.names = {inner.required_text("name")};
  } else if (type != "auto") {
    bad_field("tool_choice.type", "expected auto, any, tool or none, got ", type);
  }
  return choice;
}

void hold_text_to_form(AnswerForm form, CompletionRequest& request) {
  if (!form.is_free()) request.form = std::move(form);
}

void hold_chat_to_form(const Service& service, const ChatPrompt& prompt, AnswerForm form, CompletionRequest& request) {
  const bool required = prompt.choice.kind == ToolChoice::Kind::Required, has_tools = prompt.tools.is_array();
  request.one_call = has_tools && !prompt.choice.parallel;
  if (required && !has_tools) bad_field("tool_choice", "there are no tools to call");
  if (prompt.is_begun && (required || !form.is_free()))
    bad_field("messages", "the last is the beginning of the answer, which has to have the form of ",
              required ? "tool_choice" : form.content_field, " as a whole");
  if (required && form.content != AnswerForm::Content::Text)
    bad_field("tool_choice", "a call is required, so there is no content to give the form of ", form.content_field);
  const bool strict = has_tools && (required || wants_strict_calls(prompt));
  if (strict || (has_tools && form.content != AnswerForm::Content::Text)) {
    form.call_style = service.chat_template->call_style();
    if (strict && form.call_style == CallStyle::None)
      bad_field("tools", "this model's template writes no tool calls that could be held to a schema");
    if (form.call_style != CallStyle::None) add_calls(prompt, form, required);
    request.format->calls_come_first = form.content != AnswerForm::Content::Text;
  }
  form.after_thought = prompt.format.starts_in_reasoning;
  hold_text_to_form(std::move(form), request);
}

}  // namespace paceline

#include "text/tool_call.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace paceline {

namespace {

constexpr std::string_view kSpaces = " \t\r\n";
constexpr std::string_view kFunction = "<function=", kFunctionEnd = "</function>";
constexpr std::string_view kParameter = "<parameter=", kParameterEnd = "</parameter>";

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) + 1 - first);
}

void skip_spaces(std::string_view& text) { text.remove_prefix(std::min(text.find_first_not_of(kSpaces), text.size())); }

bool skip(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<Json> parse_json(std::string_view text) {
  try {
    return Json::parse(text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

// JSON as Python prints it, which templates make of scalars and models repeat.
std::string_view json_word(std::string_view text) {
  return text == "True" ? "true" : text == "False" ? "false" : text == "None" ? "null" : text;
}

std::string_view type_of(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return "boolean";
  if (value.is_string()) return "string";
  if (value.is_array()) return "array";
  if (value.is_object()) return "object";
  return value.as_number() == std::trunc(value.as_number()) ? "integer" : "number";
}

bool fits(const Json& value, std::string_view type) {
  const std::string_view own = type_of(value);
  return own == type || (own == "integer" && type == "number");
}

// What "#/$defs/NAME" and the like stand for.
const Json* referred(const Json& root, std::string_view reference) {
  if (!reference.starts_with("#/")) return nullptr;
  const Json* at = &root;
  for (reference.remove_prefix(2); at != nullptr;) {
    const size_t end = std::min(reference.find('/'), reference.size());
    at = at->find(reference.substr(0, end));
    if (end == reference.size()) break;
    reference.remove_prefix(end + 1);
  }
  return at;
}

// The types a schema allows.
void collect_types(const Json& root, const Json& schema, std::vector<std::string>& types, int depth) {
  if (depth == 0) return;
  const auto add = [&](const Json& type) {
    if (type.is_string()) types.push_back(type.as_string());
  };
  if (const Json* type = schema.find("type")) {
    add(*type);
    if (type->is_array())
      for (const Json& one : type->as_array()) add(one);
    const Json* nullable = schema.find("nullable");
    if (nullable && nullable->is_bool() && nullable->as_bool()) types.emplace_back("null");
    return;
  }
  if (const Json* values = schema.find("enum"); values && values->is_array())
    for (const Json& value : values->as_array()) add(type_of(value));
  if (const Json* value = schema.find("const")) add(type_of(*value));
  if (const Json* reference = schema.find("$ref"); reference && reference->is_string())
    if (const Json* target = referred(root, reference->as_string())) collect_types(root, *target, types, depth - 1);
  for (const char* key : {"anyOf", "oneOf", "allOf"}) {
    const Json* choices = schema.find(key);
    if (!choices || !choices->is_array()) continue;
    for (const Json& choice : choices->as_array()) collect_types(root, choice, types, depth - 1);
  }
}

// {"name": …, "arguments": {…}}; arguments may be missing, null or a string that holds the object.
std::optional<ToolCall> call_from_json(const Json& json) {
  const Json* name = json.find("name");
  if (!name || !name->is_string() || name->as_string().empty()) return std::nullopt;
  ToolCall call{name->as_string(), Json::object()};
  const Json* arguments = json.find("arguments");
  if (!arguments) arguments = json.find("parameters");
  if (!arguments || arguments->is_null()) return call;
  if (arguments->is_string()) {
    std::optional<Json> inner = parse_json(arguments->as_string());
    if (!inner || !inner->is_object()) return std::nullopt;
    call.arguments = std::move(*inner);
    return call;
  }
  if (!arguments->is_object()) return std::nullopt;
  call.arguments = *arguments;
  return call;
}

std::optional<std::vector<ToolCall>> parse_json_calls(std::string_view body) {
  const std::optional<Json> json = parse_json(body);
  if (!json) return std::nullopt;
  std::vector<ToolCall> calls;
  const auto add = [&](const Json& one) {
    std::optional<ToolCall> call = call_from_json(one);
    if (call) calls.push_back(std::move(*call));
    return call.has_value();
  };
  if (!json->is_array()) return add(*json) ? std::optional(calls) : std::nullopt;
  for (const Json& one : json->as_array())
    if (!add(one)) return std::nullopt;
  return calls.empty() ? std::nullopt : std::optional(calls);
}

bool starts_what_follows_a_value(std::string_view text) {
  skip_spaces(text);
  return text.starts_with(kParameter) || text.starts_with(kFunctionEnd);
}

// Takes a value up to its </parameter>, the first that something else of the call follows, so that code about such tags survives;
// without one, up to that something at the start of a line.
std::optional<std::string_view> take_value(std::string_view& text) {
  for (size_t end = text.find(kParameterEnd); end != std::string_view::npos; end = text.find(kParameterEnd, end + 1)) {
    const std::string_view after = text.substr(end + kParameterEnd.size());
    if (!starts_what_follows_a_value(after)) continue;
    const std::string_view value = text.substr(0, end);
    text = after;
    return value;
  }
  const auto line_start = [&](std::string_view tag) {
    const size_t at = text.find(cat("\n", tag));
    return at == std::string_view::npos ? at : at + 1;
  };
  const size_t end = std::min(line_start(kParameter), line_start(kFunctionEnd));
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view value = text.substr(0, end);
  text.remove_prefix(end);
  return value;
}

// One line break on each side belongs to the form, not to the value.
std::string_view without_frame(std::string_view value) {
  if (!skip(value, "\n")) skip(value, "\r\n");
  if (value.ends_with('\n')) value.remove_suffix(1);
  if (value.ends_with('\r')) value.remove_suffix(1);
  return value;
}

// NAME> after "<function=" or "<parameter=".
std::optional<std::string> take_name(std::string_view& text) {
  const size_t end = text.find_first_of(">\n");
  if (end == std::string_view::npos || text[end] != '>') return std::nullopt;
  const std::string name(trim(text.substr(0, end)));
  text.remove_prefix(end + 1);
  return name.empty() ? std::nullopt : std::optional(name);
}

std::optional<ToolCall> take_function(std::string_view& text, const ToolSchemas& schemas) {
  const std::optional<std::string> name = take_name(text);
  if (!name) return std::nullopt;
  ToolCall call{*name, Json::object()};
  for (;;) {
    skip_spaces(text);
    if (skip(text, kFunctionEnd)) return call;
    if (!skip(text, kParameter)) return std::nullopt;
    const std::optional<std::string> parameter = take_name(text);
    if (!parameter) return std::nullopt;
    const std::optional<std::string_view> value = take_value(text);
    if (!value) return std::nullopt;
    call.arguments.set(*parameter, schemas.value(*name, *parameter, without_frame(*value)));
  }
}

std::optional<std::vector<ToolCall>> parse_xml_calls(std::string_view body, const ToolSchemas& schemas) {
  std::vector<ToolCall> calls;
  while (!body.empty()) {
    if (!skip(body, kFunction)) return std::nullopt;
    std::optional<ToolCall> call = take_function(body, schemas);
    if (!call) return std::nullopt;
    calls.push_back(std::move(*call));
    skip_spaces(body);
  }
  return calls.empty() ? std::nullopt : std::optional(calls);
}

}  // namespace

ToolSchemas::ToolSchemas(const Json& tools) {
  if (!tools.is_array()) return;
  for (const Json& tool : tools.as_array()) {
    const Json* function = tool.find("function");
    if (!function) function = &tool;
    const Json* name = function->find("name");
    const Json* parameters = function->find("parameters");
    if (!name || !name->is_string() || !parameters || !parameters->is_object()) continue;
    parameters_.insert_or_assign(name->as_string(), *parameters);
  }
}

std::vector<std::string> ToolSchemas::types(const std::string& function, const std::string& parameter) const {
  std::vector<std::string> types;
  const auto schema = parameters_.find(function);
  const Json* properties = schema == parameters_.end() ? nullptr : schema->second.find("properties");
  const Json* property = properties ? properties->find(parameter) : nullptr;
  if (property) collect_types(schema->second, *property, types, 8);
  return types;
}

Json ToolSchemas::value(const std::string& function, const std::string& parameter, std::string_view text) const {
  const std::vector<std::string> types = this->types(function, parameter);
  Json as_text{std::string(text)};
  if (types.empty()) return as_text;
  const std::optional<Json> value = parse_json(json_word(trim(text)));
  if (!value) return as_text;
  const bool may_be_text = std::find(types.begin(), types.end(), "string") != types.end();
  for (const std::string& type : types)
    if (fits(*value, type) && (!may_be_text || type == "null")) return *value;
  return as_text;
}

std::optional<std::vector<ToolCall>> parse_tool_calls(std::string_view body, const ToolSchemas& schemas) {
  body = trim(body);
  return body.starts_with('{') || body.starts_with('[') ? parse_json_calls(body) : parse_xml_calls(body, schemas);
}

void ToolCallScanner::advance(std::string_view more) {
  for (const char character : more) {
    if (!started_) {
      if (kSpaces.find(character) != std::string_view::npos) continue;
      started_ = true;
      json_ = character == '{' || character == '[';
    }
    if (!json_) {
      advance_xml(character);
    } else if (broken_) {
      return;
    } else if (in_string_ && static_cast<unsigned char>(character) < 0x20) {
      broken_ = true;
    } else if (escaped_) {
      escaped_ = false;
    } else if (in_string_ && character == '\\') {
      escaped_ = true;
    } else if (character == '"') {
      in_string_ = !in_string_;
    }
  }
}

void ToolCallScanner::advance_xml(char character) {
  if (tail_.size() == kParameterEnd.size()) tail_.erase(0, 1);
  tail_ += character;
  if (tail_.ends_with(kParameter)) parameter_open_ = true;
  // </function> closes a parameter whose own tag was forgotten.
  if (tail_.ends_with(kParameterEnd) || tail_.ends_with(kFunctionEnd)) parameter_open_ = false;
}

}  // namespace paceline

#include "serve/anthropic.h"

#include "serve/anthropic_writer.h"
#include "serve/api_error.h"
#include "serve/form_fields.h"
#include "serve/formed_job.h"
#include "serve/sampling_fields.h"

namespace paceline::anthropic {

namespace {

Json text_message(const char* role, const std::string& text) {
  Json out = Json::object();
  out.set("role", role), out.set("content", text);
  return out;
}

// A string, or an array of text blocks.
std::string block_text(const Json& content, const std::string& where) {
  if (content.is_string()) return content.as_string();
  if (!content.is_array()) bad_field(where, "expected a string or an array of blocks, got ", content.kind());
  std::string out;
  for (const Json& block : content.as_array()) {
    const Fields fields(block, where);
    if (const std::string type = fields.required_text("type"); type != "text")
      bad_field(where, "blocks of type ", type, " are not supported here, expected text");
    out += fields.required_text("text");
  }
  return out;
}

Json call_of(const Fields& block) {
  Json function = Json::object(), call = Json::object();
  const Json* input = block.object("input");
  function.set("name", block.required_text("name"));
  function.set("arguments", input != nullptr ? *input : Json::object());
  call.set("id", block.required_text("id")), call.set("type", "function"), call.set("function", std::move(function));
  return call;
}

// One message of Anthropic's may be several of the template's: each tool result is a message of its own.
void add_blocks(const std::string& role, const Json& content, const std::string& where, Json& out) {
  std::string text, thinking;
  Json calls = Json::array();
  for (const Json& block : content.as_array()) {
    const Fields fields(block, where);
    const std::string type = fields.required_text("type");
    if (type == "text") text += fields.required_text("text");
    else if (type == "thinking") thinking += fields.required_text("thinking");
    else if (type == "redacted_thinking") continue;
    else if (type == "tool_use") calls.push_back(call_of(fields));
    else if (type == "tool_result") {
      const Json* result = fields.find("content");
      Json message = text_message("tool", result != nullptr ? block_text(*result, where + ".content") : "");
      message.set("tool_call_id", fields.required_text("tool_use_id"));
      out.push_back(std::move(message));
    } else {
      bad_field(where, "blocks of type ", type, " are not supported by this model");
    }
  }
  if (text.empty() && calls.as_array().empty()) {
    if (role == "user" || thinking.empty()) return;
  }
  Json message = text_message(role.c_str(), text);
  if (!thinking.empty()) message.set("reasoning_content", thinking);
  if (!calls.as_array().empty()) message.set("tool_calls", std::move(calls));
  out.push_back(std::move(message));
}

Json conversation(const Fields& fields) {
  Json out = Json::array();
  if (const Json* system = fields.find("system"))
    if (const std::string text = block_text(*system, "system"); !text.empty())
      out.push_back(text_message("system", text));
  const Json* list = fields.array("messages");
  if (list == nullptr || list->as_array().empty()) bad_field("messages", "expected at least one message");
  int index = 0;
  for (const Json& message : list->as_array()) {
    const std::string where = cat("messages.", index++);
    const Fields inner(message, where);
    const std::string role = inner.required_text("role");
    if (role != "user" && role != "assistant") bad_field(where + ".role", "expected user or assistant, got ", role);
    const Json* content = inner.find("content");
    if (content != nullptr && content->is_array()) add_blocks(role, *content, where + ".content", out);
    else out.push_back(text_message(role.c_str(), inner.required_text("content")));
  }
  return out;
}

Json tool_definitions(const Fields& fields) {
  const Json* tools = fields.array("tools");
  if (tools == nullptr || tools->as_array().empty()) return {};
  Json out = Json::array();
  for (const Json& tool : tools->as_array()) {
    const Fields inner(tool, "tools");
    if (const auto type = inner.text("type"); type && *type != "custom")
      bad_field("tools", "expected tools of type custom, got ", *type);
    Json function = Json::object(), made = Json::object();
    function.set("name", inner.required_text("name"));
    function.set("description", inner.text("description").value_or(""));
    const Json* schema = inner.object("input_schema");
    if (schema == nullptr) bad_field("tools", "expected an input_schema in each tool");
    function.set("parameters", *schema);
    if (inner.boolean("strict").value_or(false)) function.set("strict", true);
    made.set("type", "function"), made.set("function", std::move(function));
    out.push_back(std::move(made));
  }
  return out;
}

ChatPrompt read_prompt(const Fields& fields, const Service& service) {
  ChatSwitches switches;
  switches.choice = read_anthropic_tool_choice(fields);
  if (switches.choice.kind != ToolChoice::Kind::None) switches.tools = tool_definitions(fields);
  if (const Json* thinking = fields.object("thinking")) {
    const std::string type = Fields(*thinking, "thinking").required_text("type");
    if (type != "enabled" && type != "disabled" && type != "adaptive")
      bad_field("thinking.type", "expected enabled, adaptive or disabled, got ", type);
    switches.thinking = type != "disabled";
  } else {
    switches.thinking = false;  // a client that does not ask for thinking does not expect its blocks
  }
  return render_chat(service, conversation(fields), switches);
}

}  // namespace

std::string error_body(const ApiError& failure) {
  const int status = failure.status();
  const char* type = status == 401   ? "authentication_error"
                     : status == 404 ? "not_found_error"
                     : status == 413 ? "request_too_large"
                     : status == 503 ? "overloaded_error"
                     : status >= 500 ? "api_error"
                                     : "invalid_request_error";
  const auto& too_long = failure.prompt_too_long();
  Json error = Json::object(), out = Json::object();
  error.set("type", type);
  error.set("message", too_long ? cat("prompt is too long: ", too_long->tokens, " tokens > ", too_long->context - 1,
                                      " maximum (the context is ", too_long->context, ", -c)")
                                : failure.what());
  out.set("type", "error"), out.set("error", std::move(error));
  return out.dump();
}

void messages(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange) {
  const Json body = parse_body(request.body);
  const Fields fields(body);
  CompletionRequest job;
  read_sampling(fields, service, job);
  job.stop = fields.texts("stop_sequences", 32);
  std::erase(job.stop, "");
  const auto most = fields.integer_up_to("max_tokens", 1, 1 << 30);
  if (!most) bad_field("max_tokens", "expected a number, but it is missing");
  job.max_tokens = static_cast<int>(*most);
  const ChatPrompt prompt = read_prompt(fields, service);
  take_chat(service, prompt, job);
  hold_chat_to_form(service, prompt, read_output_format(fields), job);
  start_job(service, std::move(job), exchange,
            make_writer(service.options.model_name, fields.boolean("stream").value_or(false)), error_body);
}

void count_tokens(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange) {
  const Json body = parse_body(request.body);
  Json out = Json::object();
  out.set("input_tokens", chat_tokens(service, read_prompt(Fields(body), service)).size());
  exchange->respond({.body = out.dump()});
}

}  // namespace paceline::anthropic

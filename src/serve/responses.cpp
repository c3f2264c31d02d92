#include "serve/responses.h"

#include <algorithm>
#include <array>

#include "serve/api_error.h"
#include "serve/form_fields.h"
#include "serve/formed_job.h"
#include "serve/openai.h"
#include "serve/responses_writer.h"
#include "serve/sampling_fields.h"

namespace paceline::responses {

namespace {

constexpr int64_t kMostTokens = 1 << 30;
constexpr size_t kMostIncluded = 32;

void refuse_what_we_cannot(const Fields& fields) {
  static constexpr std::array<std::string_view, 2> kKept = {"previous_response_id", "conversation"};
  static constexpr std::array<std::string_view, 1> kLater = {"background"};
  static constexpr std::array<std::string_view, 3> kElsewhere = {"prompt", "context_management", "moderation"};
  refuse_unsupported(fields, kKept,
                     "this server keeps no responses and no conversations; send the whole conversation as input");
  refuse_unsupported(fields, kLater,
                     "this server keeps no responses that could be asked for later; stream: true with resumable: true "
                     "outlives its client");
  refuse_unsupported(fields, kElsewhere);
  if (const auto truncation = fields.text("truncation"); truncation && *truncation != "disabled")
    bad_field("truncation", "expected disabled, since this server drops no part of a conversation, got ", *truncation);
}

// What becomes one message of the template's.
struct Turn {
  std::string role, text, thought, call_id;
  Json calls = Json::array();
};

void add_paragraph(std::string& text, const std::string& more) {
  if (!text.empty() && !more.empty()) text += "\n\n";
  text += more;
}

// Items become messages. Those of one turn of the assistant are one message, and so are system messages in a row: templates want one, and
// clients send instructions and a message of the developer's.
class Conversation {
 public:
  void add_text(const std::string& role, const std::string& text) { add_paragraph(turn(role).text, text); }

  void add_item(const Json& item, const std::string& where) {
    if (!item.is_object()) bad_field(where, "expected an object, got ", item.kind());
    const Fields fields(item, where);
    const std::string type = fields.text("type").value_or("message");
    if (type == "message") add_message(fields);
    else if (type == "reasoning") add_thought(fields);
    else if (type == "function_call") turn("assistant").calls.push_back(call_of(fields));
    else if (type == "function_call_output") add_result(fields);
    else if (type == "item_reference")
      bad_field(where, "this server keeps no items; send the item itself (store: false tells clients to do so)");
    else
      bad_field(where, "items of type ", type,
                " are not supported here, expected message, reasoning, function_call or function_call_output");
  }

  Json messages() const {
    Json out = Json::array();
    for (const Turn& turn : turns_) {
      Json message = Json::object();
      message.set("role", turn.role), message.set("content", turn.text);
      if (!turn.thought.empty()) message.set("reasoning_content", turn.thought);
      if (!turn.calls.as_array().empty()) message.set("tool_calls", turn.calls);
      if (turn.role == "tool") message.set("tool_call_id", turn.call_id);
      out.push_back(std::move(message));
    }
    return out;
  }

 private:
  Turn& turn(const std::string& role) {
    const bool goes_on = role == "assistant" || role == "system";
    if (!goes_on || turns_.empty() || turns_.back().role != role) turns_.emplace_back().role = role;
    return turns_.back();
  }

  static std::string text_of(const Fields& fields, std::string_view name) {
    const Json* content = fields.find(name);
    if (content == nullptr) bad_field(fields.path(name), "expected a text, but it is missing");
    return content_text(*content, fields.path(name));
  }

  void add_message(const Fields& fields) {
    const std::string role = fields.required_text("role");
    if (role != "user" && role != "assistant" && role != "system" && role != "developer")
      bad_field(fields.path("role"), "expected user, assistant, system or developer, got ", role);
    add_text(role == "developer" ? "system" : role, text_of(fields, "content"));
  }

  // Its text, or the summary of it. One that is encrypted says nothing to us.
  void add_thought(const Fields& fields) {
    for (const std::string_view name : {"content", "summary"}) {
      const Json* parts = fields.array(name);
      if (parts == nullptr || parts->as_array().empty()) continue;
      for (const Json& part : parts->as_array())
        add_paragraph(turn("assistant").thought, Fields(part, fields.path(name)).required_text("text"));
      return;
    }
  }

  static Json call_of(const Fields& fields) {
    Json function = Json::object(), call = Json::object(), arguments = Json::object();
    const std::string text = fields.required_text("arguments"), path = fields.path("arguments");
    try {
      if (!text.empty()) arguments = Json::parse(text, path);
    } catch (const Error& error) {
      throw ApiError(400, error.what(), path);
    }
    if (!arguments.is_object()) bad_field(path, "expected an object as JSON, got ", arguments.kind());
    function.set("name", fields.required_text("name")), function.set("arguments", std::move(arguments));
    call.set("id", fields.required_text("call_id")), call.set("type", "function");
    call.set("function", std::move(function));
    return call;
  }

  void add_result(const Fields& fields) {
    Turn& result = turn("tool");
    result.call_id = fields.required_text("call_id");
    result.text = text_of(fields, "output");
  }

  std::vector<Turn> turns_;
};

Json read_conversation(const Fields& fields) {
  Conversation conversation;
  if (const auto instructions = fields.text("instructions"); instructions && !instructions->empty())
    conversation.add_text("system", *instructions);
  const Json* input = fields.find("input");
  if (input == nullptr) bad_field("input", "expected a text or an array of items, but it is missing");
  if (input->is_string()) {
    conversation.add_text("user", input->as_string());
    return conversation.messages();
  }
  if (!input->is_array()) bad_field("input", "expected a text or an array of items, got ", input->kind());
  if (input->as_array().empty()) bad_field("input", "expected at least one item");
  int index = 0;
  for (const Json& item : input->as_array()) conversation.add_item(item, cat("input[", index++, "]"));
  return conversation.messages();
}

// {"type": "function", "name", "description", "parameters", "strict"} → {"type": "function", "function": {…}}
Json read_tools(const Fields& fields) {
  const Json* tools = fields.array("tools");
  if (tools == nullptr) return {};
  Json out = Json::array();
  for (const Json& tool : tools->as_array()) {
    const std::string where = cat("tools[", out.as_array().size(), "]");
    if (!tool.is_object()) bad_field(where, "expected an object, got ", tool.kind());
    const Fields inner(tool, where);
    if (const std::string type = inner.required_text("type"); type != "function")
      bad_field(inner.path("type"), "this server has no tools of its own, expected function, got ", type);
    Json function = Json::object(), made = Json::object();
    function.set("name", inner.required_text("name"));
    if (const auto description = inner.text("description")) function.set("description", *description);
    if (const Json* parameters = inner.object("parameters")) function.set("parameters", *parameters);
    if (inner.boolean("strict").value_or(false)) function.set("strict", true);
    made.set("type", "function"), made.set("function", std::move(function));
    out.push_back(std::move(made));
  }
  return out;
}

ChatPrompt read_prompt(const Fields& fields, const Service& service) {
  ChatSwitches switches = read_chat_switches(fields, read_tools(fields));
  switches.choice.schema_field = "parameters";
  return render_chat(service, read_conversation(fields), switches);
}

void read_limits(const Fields& fields, const Service& service, CompletionRequest& job) {
  job.max_tokens = service.options.max_tokens;
  if (const auto most = fields.integer_up_to("max_output_tokens", 1, kMostTokens))
    job.max_tokens = static_cast<int>(*most);
  const auto top = static_cast<int>(fields.integer("top_logprobs", 0, Request::kMostLogprobs).value_or(0));
  const std::vector<std::string> included = fields.texts("include", kMostIncluded);
  const bool wanted = std::find(included.begin(), included.end(), "message.output_text.logprobs") != included.end();
  if (wanted || top > 0) job.top_logprobs = top;
}

// What the answer repeats of the request, as clients' types demand; what is not given has OpenAI's default, or the server's.
Json settings_of(const Fields& fields, const CompletionRequest& job) {
  static const Json kDefaults = Json::parse(
      R"({"instructions": null, "max_output_tokens": null, "max_tool_calls": null, "metadata": {},)"
      R"( "parallel_tool_calls": true, "prompt_cache_key": null, "reasoning": {"effort": null, "summary": null},)"
      R"( "safety_identifier": null, "text": {}, "tool_choice": "auto", "tools": [], "top_logprobs": 0,)"
      R"( "user": null, "background": false, "previous_response_id": null, "service_tier": "default",)"
      R"( "store": false, "truncation": "disabled"})");
  static constexpr std::array<std::string_view, 5> kFixed = {"background", "previous_response_id", "service_tier",
                                                             "store", "truncation"};
  Json out = Json::object();
  for (const auto& [name, otherwise] : kDefaults.as_object().members()) {
    const bool is_fixed = std::find(kFixed.begin(), kFixed.end(), name) != kFixed.end();
    const Json* given = is_fixed ? nullptr : fields.find(name);
    out.set(name, given != nullptr ? *given : otherwise);
  }
  if (Json text = out.at("text"); text.find("format") == nullptr) {
    Json format = Json::object();
    format.set("type", "text");
    text.set("format", std::move(format)), out.set("text", std::move(text));
  }
  const Json *temperature = fields.find("temperature"), *top_p = fields.find("top_p");
  out.set("temperature", temperature ? *temperature : Json(static_cast<double>(job.sampling.temperature)));
  out.set("top_p", top_p ? *top_p : Json(static_cast<double>(job.sampling.top_p)));
  return out;
}

}  // namespace

void create(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange) {
  const Json body = parse_body(request.body);
  const Fields fields(body);
  refuse_what_we_cannot(fields);
  CompletionRequest job;
  read_sampling(fields, service, job);
  read_limits(fields, service, job);
  const ChatPrompt prompt = read_prompt(fields, service);
  take_chat(service, prompt, job);
  hold_chat_to_form(service, prompt, read_text_format(fields), job);
  WriterOptions options{.model = service.options.model_name,
                        .stream = fields.boolean("stream").value_or(false),
                        .settings = settings_of(fields, job)};
  start_job(service, std::move(job), exchange, make_writer(std::move(options)), openai::error_body);
}

}  // namespace paceline::responses

#include "serve/chat_prompt.h"

#include <algorithm>
#include <array>

#include "serve/api_error.h"
#include "serve/form_fields.h"

namespace paceline {

namespace {

std::string text_of_parts(const Json& parts, const std::string& where) {
  std::string out;
  for (const Json& part : parts.as_array()) {
    if (part.is_string()) {
      out += part.as_string();
      continue;
    }
    const Json* type = part.find("type");
    if (type == nullptr || !type->is_string()) bad_field(where, "expected parts with a type");
    if (type->as_string() == "refusal") continue;
    if (type->as_string() != "text" && type->as_string() != "input_text" && type->as_string() != "output_text")
      bad_field(where, "parts of type ", type->as_string(), " are not supported by this model, expected text");
    out += Fields(part, where).required_text("text");
  }
  return out;
}

// Templates read arguments as an object; OpenAI's clients send them as text.
Json tool_calls_for_template(const Json& calls, const std::string& where) {
  Json out = Json::array();
  for (const Json& call : calls.as_array()) {
    const Fields outer(call, where);
    const Json* function = outer.object("function");
    if (function == nullptr) bad_field(where, "expected a function in each call");
    const Fields inner(*function, where + ".function");
    Json copy = call, made = *function;
    const Json* arguments = inner.find("arguments");
    if (arguments != nullptr && arguments->is_string() && !arguments->as_string().empty()) {
      try {
        made.set("arguments", Json::parse(arguments->as_string(), where + ".function.arguments"));
      } catch (const Error& error) {
        throw ApiError(400, error.what(), where);
      }
    } else if (arguments == nullptr || arguments->is_string()) {
      made.set("arguments", Json::object());
    }
    made.set("name", inner.required_text("name"));
    copy.set("function", std::move(made));
    out.push_back(std::move(copy));
  }
  return out;
}

Json message_for_template(const Json& message, const std::string& where) {
  if (!message.is_object()) bad_field(where, "expected an object, got ", message.kind());
  const Fields fields(message, where);
  const std::string role = fields.required_text("role");
  Json out = message;
  if (role == "developer") out.set("role", "system");
  else if (role != "system" && role != "user" && role != "assistant" && role != "tool")
    bad_field(where + ".role", "expected system, developer, user, assistant or tool, got ", role);
  const Json* content = fields.find("content");
  if (content == nullptr) {
    if (role != "assistant") bad_field(where + ".content", "expected a text, but it is missing");
    out.set("content", "");
  } else if (!content->is_string()) {
    out.set("content", content_text(*content, where + ".content"));
  }
  if (const auto reasoning = fields.text("reasoning"); reasoning && !fields.has("reasoning_content"))
    out.set("reasoning_content", *reasoning);
  if (const Json* calls = fields.array("tool_calls"))
    out.set("tool_calls", tool_calls_for_template(*calls, where + ".tool_calls"));
  return out;
}

void check_tools(const Json& tools) {
  for (const Json& tool : tools.as_array()) {
    const Fields outer(tool, "tools");
    const auto type = outer.text("type");
    if (type && *type != "function") bad_field("tools", "expected tools of type function, got ", *type);
    const Json* function = outer.object("function");
    if (function == nullptr) bad_field("tools", "expected a function in each tool");
    const Fields inner(*function, "tools.function");
    inner.required_text("name");
    inner.object("parameters");
  }
}

std::optional<bool> read_thinking(const Fields& fields, Json& arguments) {
  std::optional<bool> thinking = fields.boolean("enable_thinking");
  std::optional<std::string> effort = fields.text("reasoning_effort");
  if (const Json* reasoning = fields.object("reasoning")) effort = Fields(*reasoning, "reasoning").text("effort");
  if (!effort) return thinking;
  static constexpr std::array<std::string_view, 7> kEfforts = {"none", "minimal", "low", "medium",
                                                               "high", "xhigh",   "max"};
  if (std::find(kEfforts.begin(), kEfforts.end(), *effort) == kEfforts.end())
    bad_field("reasoning_effort", "expected none, minimal, low, medium, high, xhigh or max, got ", *effort);
  arguments.set("reasoning_effort", *effort);
  return thinking ? thinking : *effort != "none";
}

// What the assistant has written of the answer, where the last message is the beginning of it.
struct Begun {
  std::string thought, text;
};

// Takes it from a conversation that is more than that.
std::optional<Begun> take_begun_answer(Json& messages) {
  Json::Array& list = messages.as_array();
  const Fields last(list.back(), "messages");
  if (list.size() < 2 || last.text("role") != "assistant") return std::nullopt;
  if (const Json* calls = last.array("tool_calls"); calls != nullptr && !calls->as_array().empty()) return std::nullopt;
  Begun begun{last.text("reasoning_content").value_or(""), last.text("content").value_or("")};
  if (begun.thought.empty() && begun.text.empty()) return std::nullopt;
  list.pop_back();
  return begun;
}

// Behind a prompt that has opened the thought, or closed it for want of any, or leaves that to the model: as the model would have written it.
void go_on_from(const Begun& begun, ChatPrompt& prompt) {
  bool& in_thought = prompt.format.starts_in_reasoning;
  prompt.is_begun = true;
  const bool is_closed = closes_thought(prompt.text);
  if (is_closed && begun.text.empty())
    bad_field("messages", "the last is the beginning of a thought, but thinking is off");
  if (!in_thought && !is_closed && !begun.thought.empty()) prompt.text += "<think>\n", in_thought = true;
  if (in_thought) prompt.text += begun.text.empty() ? begun.thought : begun.thought + "\n</think>\n\n";
  prompt.text += begun.text;
  in_thought = in_thought && begun.text.empty();
}

}  // namespace

std::string content_text(const Json& content, const std::string& where) {
  if (content.is_string()) return content.as_string();
  if (!content.is_array()) bad_field(where, "expected a string or an array of parts, got ", content.kind());
  return text_of_parts(content, where);
}

ChatPrompt render_chat(const Service& service, const Json& messages, const ChatSwitches& switches) {
  if (service.chat_template == nullptr)
    throw ApiError(400, "this model has no chat template; /v1/completions continues a text with it");
  if (!switches.tools.is_null()) check_tools(switches.tools);
  ChatRequest request;
  if (messages.as_array().empty()) bad_field("messages", "expected at least one message");
  int index = 0;
  for (const Json& message : messages.as_array())
    request.messages.push_back(message_for_template(message, cat("messages[", index++, "]")));
  const std::optional<Begun> begun = take_begun_answer(request.messages);
  request.tools = switches.tools;
  request.enable_thinking = switches.thinking;
  request.template_arguments = switches.template_arguments;
  request.bos_token = service.tokenizer.special_text(service.tokenizer.bos());
  request.eos_token = service.tokenizer.special_text(service.tokenizer.eos());
  ChatPrompt prompt;
  try {
    prompt.text = service.chat_template->render(request);
  } catch (const Error& error) {
    throw ApiError(400, cat("the chat template refuses the conversation: ", error.what()), "messages");
  }
  prompt.format.starts_in_reasoning = opens_thought(prompt.text);
  if (begun) go_on_from(*begun, prompt);
  prompt.format.tool_calls = !switches.tools.is_null();
  prompt.format.schemas = ToolSchemas(switches.tools);
  prompt.tools = switches.tools;
  prompt.choice = switches.choice;
  prompt.request = std::move(request);
  return prompt;
}

ChatSwitches read_chat_switches(const Fields& fields, Json tools) {
  ChatSwitches switches;
  if (const Json* arguments = fields.object("chat_template_kwargs")) switches.template_arguments = *arguments;
  switches.thinking = read_thinking(fields, switches.template_arguments);
  switches.choice = read_tool_choice(fields);
  const bool offered = switches.choice.kind != ToolChoice::Kind::None;
  if (offered && !tools.is_null() && !tools.as_array().empty()) switches.tools = std::move(tools);
  return switches;
}

ChatPrompt read_chat(const Fields& fields, const Service& service) {
  const Json* messages = fields.array("messages");
  if (messages == nullptr) bad_field("messages", "expected an array of messages, but it is missing");
  const Json* tools = fields.array("tools");
  return render_chat(service, *messages, read_chat_switches(fields, tools != nullptr ? *tools : Json()));
}

void take_chat(const Service& service, const ChatPrompt& prompt, CompletionRequest& job) {
  job.prompt = chat_tokens(service, prompt);
  job.format = prompt.format;
  job.stable_positions = {
      conversation_length(*service.chat_template, service.tokenizer, prompt.request, prompt.text, job.prompt)};
}

std::vector<Token> chat_tokens(const Service& service, const ChatPrompt& prompt) {
  return service.tokenizer.encode(prompt.text, true);
}

std::vector<Token> text_tokens(const Service& service, std::string_view text) {
  const Tokenizer& tokenizer = service.tokenizer;
  std::vector<Token> tokens;
  if (tokenizer.add_bos() && tokenizer.bos() >= 0) tokens.push_back(tokenizer.bos());
  const std::vector<Token> words = tokenizer.encode(text, true);
  tokens.insert(tokens.end(), words.begin(), words.end());
  return tokens;
}

}  // namespace paceline

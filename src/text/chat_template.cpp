#include "text/chat_template.h"

#include <algorithm>

namespace paceline {

namespace {

std::tm local_time() {
  const std::time_t seconds = std::time(nullptr);
  std::tm result{};
  localtime_r(&seconds, &result);
  return result;
}

Json message(const char* role, Json content) {
  Json result = Json::object();
  result.set("role", role);
  result.set("content", std::move(content));
  return result;
}

ChatRequest probe_request() {
  ChatRequest request;
  request.messages.push_back(message("user", "Hello"));
  request.now = std::tm{};
  return request;
}

// The prompt, or nothing when the template refuses the request.
std::optional<std::string> try_render(const ChatTemplate& chat, const ChatRequest& request) {
  try {
    return chat.render(request);
  } catch (const Error&) {
    return std::nullopt;
  }
}

// But for white space.
bool ends_with_tag(std::string_view prompt, std::string_view tag) {
  return prompt.substr(0, prompt.find_last_not_of(" \n") + 1).ends_with(tag);
}

constexpr const char* kProbeName = "paceline_probe_name";

}  // namespace

bool opens_thought(std::string_view prompt) { return ends_with_tag(prompt, "<think>"); }
bool closes_thought(std::string_view prompt) { return ends_with_tag(prompt, "</think>"); }

int conversation_length(const ChatTemplate& chat_template, const Tokenizer& tokenizer, const ChatRequest& request,
                        std::string_view prompt, std::span<const Token> tokens) {
  const std::string_view call = chat_template.call_for_answer(request, prompt);
  return static_cast<int>(tokens.size() - tokenizer.encode(call, true).size());
}

ChatTemplate ChatTemplate::parse(std::string_view source, const jinja::Limits& limits) {
  return ChatTemplate(jinja::Template::parse(source, limits));
}

std::string ChatTemplate::render(const ChatRequest& request) const {
  Json context = Json::object();
  context.set("messages", request.messages);
  if (!request.tools.is_null()) context.set("tools", request.tools);
  context.set("add_generation_prompt", request.add_generation_prompt);
  context.set("bos_token", request.bos_token);
  context.set("eos_token", request.eos_token);
  if (request.enable_thinking) context.set("enable_thinking", *request.enable_thinking);
  for (const JsonMember& member : request.template_arguments.as_object().members())
    context.set(member.key, member.value);
  return template_.render(context, request.now ? *request.now : local_time());
}

std::string_view ChatTemplate::call_for_answer(ChatRequest request, std::string_view prompt) const {
  request.add_generation_prompt = false;
  const std::string conversation = try_render(*this, request).value_or("");
  const auto parting = std::mismatch(conversation.begin(), conversation.end(), prompt.begin(), prompt.end());
  return prompt.substr(static_cast<size_t>(parting.second - prompt.begin()));
}

bool ChatTemplate::supports_tools() const {
  ChatRequest request = probe_request();
  request.tools = Json::parse(
      cat(R"([{"type": "function", "function": {"name": ")", kProbeName,
          R"(", "description": "", "parameters": {"type": "object", "properties": {}, "required": []}}}])"));
  const auto prompt = try_render(*this, request);
  return prompt && prompt->find(kProbeName) != std::string::npos;
}

CallStyle ChatTemplate::call_style() const {
  ChatRequest request = probe_request();
  Json calling = message("assistant", "");
  calling.set("tool_calls", Json::parse(cat(R"([{"id": "call_1", "type": "function", "function": {"name": ")",
                                            kProbeName, R"(", "arguments": {"key": "value"}}}])")));
  request.messages.push_back(std::move(calling));
  request.add_generation_prompt = false;
  const auto prompt = try_render(*this, request);
  if (!prompt) return CallStyle::None;
  const size_t call = prompt->find("<tool_call>");
  if (call == std::string::npos) return CallStyle::None;
  const std::string_view body = std::string_view(*prompt).substr(call);
  if (body.find(cat("<function=", kProbeName, ">")) != std::string_view::npos) return CallStyle::Xml;
  return body.find(cat("\"name\": \"", kProbeName, "\"")) != std::string_view::npos ? CallStyle::Json : CallStyle::None;
}

bool ChatTemplate::supports_thinking_switch() const {
  ChatRequest request = probe_request();
  request.enable_thinking = true;
  const auto with = try_render(*this, request);
  request.enable_thinking = false;
  const auto without = try_render(*this, request);
  return with && without && *with != *without;
}

bool ChatTemplate::supports_system_role() const {
  ChatRequest request = probe_request();
  request.messages.as_array().insert(request.messages.as_array().begin(), message("system", kProbeName));
  const auto prompt = try_render(*this, request);
  return prompt && prompt->find(kProbeName) != std::string::npos;
}

bool ChatTemplate::thinks(std::optional<bool> enable_thinking) const {
  ChatRequest request = probe_request();
  request.enable_thinking = enable_thinking;
  const auto prompt = try_render(*this, request);
  return prompt && opens_thought(*prompt);
}

std::string ChatTemplate::between_turns(std::string_view bos_token, std::string_view eos_token) const {
  constexpr std::string_view kAnswer = "paceline_probe_answer", kNext = "paceline_probe_next";
  for (const bool in_parts : {false, true}) {  // templates want content as a text or as a list of parts
    const auto content = [&](std::string_view text) {
      if (!in_parts) return Json(text);
      Json part = Json::object();
      part.set("type", "text");
      part.set("text", text);
      return Json(Json::Array{part});
    };
    ChatRequest request = probe_request();
    request.bos_token = bos_token;
    request.eos_token = eos_token;
    request.messages = Json::array();
    request.messages.push_back(message("user", content(kProbeName)));
    request.messages.push_back(message("assistant", content(kAnswer)));
    request.messages.push_back(message("user", content(kNext)));
    const auto prompt = try_render(*this, request);
    if (!prompt) continue;
    const size_t answer = prompt->find(kAnswer), next = prompt->find(kNext);
    if (answer == std::string::npos || next == std::string::npos || next < answer) continue;
    return prompt->substr(answer + kAnswer.size(), next - answer - kAnswer.size());
  }
  return "";
}

void learn_turn_end(Tokenizer& tokenizer, const ChatTemplate& chat_template) {
  tokenizer.learn_turn_end(
      chat_template.between_turns(tokenizer.special_text(tokenizer.bos()), tokenizer.special_text(tokenizer.eos())));
}

}  // namespace paceline

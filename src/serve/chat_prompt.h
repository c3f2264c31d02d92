#pragma once
// A conversation as clients send it (OpenAI's form) made into a prompt by the model's template.
#include "serve/answer.h"
#include "serve/fields.h"
#include "serve/service.h"
#include "text/chat_template.h"

namespace paceline {

// What is to become of the tools on offer.
struct ToolChoice {
  enum class Kind { None, Auto, Required };
  Kind kind = Kind::Auto;
  std::vector<std::string> names;  // only these may be called; empty: all
  bool parallel = true;  // several calls in one answer
  const char* schema_field = "function.parameters";  // of a tool, for messages
};

struct ChatPrompt {
  std::string text;
  ChatRequest request;  // whose rendering it is, but for the beginning of the answer
  OutputFormat format;
  Json tools;  // null or an array, in OpenAI's form; they are offered
  ToolChoice choice;
  bool is_begun = false;  // it ends with the beginning of the answer, which the last message was
};

struct ChatSwitches {
  std::optional<bool> thinking;
  Json tools;  // null or an array; they are offered
  ToolChoice choice;
  Json template_arguments = Json::object();
};

// Messages of OpenAI's form: roles, text parts and the arguments of calls as templates want them. Throws ApiError 400 for what is no
// conversation, for images, and for what the template refuses.
ChatPrompt render_chat(const Service& service, const Json& messages, const ChatSwitches& switches);
// A string, or an array of text parts.
std::string content_text(const Json& content, const std::string& where);
// Of the fields tool_choice, parallel_tool_calls, chat_template_kwargs, reasoning_effort, reasoning.effort, enable_thinking; `tools`, null or
// an array, are offered unless the choice is none.
ChatSwitches read_chat_switches(const Fields& fields, Json tools);
// Of these, messages and tools.
ChatPrompt read_chat(const Fields& fields, const Service& service);

// Makes it the prompt of `job`, whose answer has its form; a later prompt will go on from the end of the conversation.
void take_chat(const Service& service, const ChatPrompt& prompt, CompletionRequest& job);
// The prompt's tokens; a text gets BOS where the model wants one.
std::vector<Token> chat_tokens(const Service& service, const ChatPrompt& prompt);
std::vector<Token> text_tokens(const Service& service, std::string_view text);

}  // namespace paceline

#pragma once
// Turns a conversation into the prompt a model was trained on: the Jinja template of the model file, rendered byte for byte as Hugging
// Face Transformers' apply_chat_template does. Immutable; threads may share one.
#include <ctime>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "text/jinja/template.h"
#include "text/tokenizer.h"
#include "text/tool_call.h"

namespace paceline {

struct ChatRequest {
  Json messages = Json::array();  // as in the OpenAI API: objects with role and content
  Json tools;  // null or an array of tool definitions
  bool add_generation_prompt = true;
  std::optional<bool> enable_thinking;  // not set: the template's own default
  Json template_arguments = Json::object();  // chat_template_kwargs: more variables; they win over those above
  std::string bos_token, eos_token;
  std::optional<std::tm> now;  // what strftime_now prints; the local time when not set
};

class ChatTemplate {
 public:
  // Throws Error: TemplateSyntaxError with the line, or a limit.
  static ChatTemplate parse(std::string_view source, const jinja::Limits& limits = {});

  // Throws Error when the template refuses the conversation (raise_exception), fails or hits a limit.
  std::string render(const ChatRequest& request) const;

  // The end of `prompt`, the rendered request, that is no part of the conversation but asks for the answer. It may not stand before that
  // answer in later prompts, as the start of a thought does not.
  std::string_view call_for_answer(ChatRequest request, std::string_view prompt) const;

  // What the template does with a request, found out by rendering two that differ in nothing else.
  bool supports_tools() const;  // tool definitions appear in the prompt
  bool supports_thinking_switch() const;  // enable_thinking changes the prompt
  bool supports_system_role() const;  // a system message appears in the prompt
  CallStyle call_style() const;  // None: not at all, or in a form of its own
  bool thinks(std::optional<bool> enable_thinking) const;  // the prompt ends inside a thought
  // What stands between an answer and the next question; "" when the template does not tell.
  std::string between_turns(std::string_view bos_token, std::string_view eos_token) const;

 private:
  explicit ChatTemplate(jinja::Template parsed) : template_(std::move(parsed)) {}

  jinja::Template template_;
};

// Tells the tokenizer what ends a turn, as far as the template knows (Tokenizer::learn_turn_end).
void learn_turn_end(Tokenizer& tokenizer, const ChatTemplate& chat_template);

// Whether the answer to `prompt` begins inside a thinking block; behind one, which is empty where thinking is off.
bool opens_thought(std::string_view prompt);
bool closes_thought(std::string_view prompt);

// How many of the tokens of `prompt`, the rendered request, are the conversation: the next prompt begins with them (call_for_answer).
int conversation_length(const ChatTemplate& chat_template, const Tokenizer& tokenizer, const ChatRequest& request,
                        std::string_view prompt, std::span<const Token> tokens);

}  // namespace paceline

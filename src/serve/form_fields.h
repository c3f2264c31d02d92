#pragma once
// The fields of requests that ask for a form: response_format, grammar, json_schema, tool_choice and their like in the other APIs.
#include <optional>
#include <string>

#include "serve/chat_prompt.h"
#include "serve/fields.h"
#include "text/constrain/answer_grammar.h"

namespace paceline {

// response_format, json_schema and grammar, in OpenAI's and llama.cpp's endpoints; at most one of them.
constrain::AnswerForm read_content_form(const Fields& fields);
// The same, and `text.format` of OpenAI's Responses API.
constrain::AnswerForm read_text_format(const Fields& fields);
// Ollama's `format`: "json" or a schema.
constrain::AnswerForm read_ollama_format(const Fields& fields);
// Anthropic's `output_format`, and `output_config.format`.
constrain::AnswerForm read_output_format(const Fields& fields);
// OpenAI's `tool_choice` and `parallel_tool_calls`.
ToolChoice read_tool_choice(const Fields& fields);
// Anthropic's `tool_choice`.
ToolChoice read_anthropic_tool_choice(const Fields& fields);

// Joins the form of the content with the prompt's tools and its thought, and holds the request to it.
void hold_chat_to_form(const Service& service, const ChatPrompt& prompt, constrain::AnswerForm form,
                       CompletionRequest& request);
void hold_text_to_form(constrain::AnswerForm form, CompletionRequest& request);

}  // namespace paceline

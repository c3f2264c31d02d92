#include "text/chat_template.h"

#include <gtest/gtest.h>

#include "text/template_vectors.h"

namespace paceline {
namespace {

ChatTemplate published(const char* name) {
  return ChatTemplate::parse(template_vectors().at("templates").at(name).as_string());
}

Json conversation(const char* text) { return Json::parse(text); }

TEST(ChatTemplate, RendersARequest) {
  const ChatTemplate chat = published("Qwen3.5-4B.jinja");
  ChatRequest request;
  request.messages = conversation(R"([{"role": "user", "content": "Hi"}])");
  EXPECT_EQ(chat.render(request), "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<think>\n");
  request.add_generation_prompt = false;
  EXPECT_EQ(chat.render(request), "<|im_start|>user\nHi<|im_end|>\n");
  request.add_generation_prompt = true;
  request.enable_thinking = false;
  EXPECT_EQ(chat.render(request), "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n");
}

TEST(ChatTemplate, TemplateArgumentsTokensAndTime) {
  const ChatTemplate chat = ChatTemplate::parse(
      "{{ bos_token }}{{ extra }}{{ strftime_now('%d %b %Y') }}{{ eos_token }}{{ tools is defined }}");
  ChatRequest request;
  request.bos_token = "<s>";
  request.eos_token = "</s>";
  request.template_arguments.set("extra", 5);
  request.now = parse_time("2026-01-15T12:00:00");
  EXPECT_EQ(chat.render(request), "<s>515 Jan 2026</s>False");
  request.template_arguments.set("bos_token", "other");
  request.tools = Json::array();
  EXPECT_EQ(chat.render(request), "other515 Jan 2026</s>True");
}

TEST(ChatTemplate, RefusalsReachTheCaller) {
  const ChatTemplate chat = published("Qwen3.5-4B.jinja");
  ChatRequest request;
  request.messages = conversation(R"([{"role": "developer", "content": "x"}])");
  try {
    chat.render(request);
    FAIL();
  } catch (const jinja::TemplateFailure& failure) {
    EXPECT_EQ(failure.kind(), "TemplateError");
  }
  EXPECT_THROW(ChatTemplate::parse("{% if %}"), Error);
  EXPECT_THROW(ChatTemplate::parse("\xff"), Error);
}

TEST(ChatTemplate, KnowsHowCallsAreWritten) {
  for (const char* name : {"Qwen3.5-4B.jinja", "Qwen3-Coder.jinja", "NVIDIA-Nemotron-3-Nano-30B-A3B-BF16.jinja"})
    EXPECT_EQ(published(name).call_style(), CallStyle::Xml) << name;
  for (const char* name : {"Qwen-Qwen2.5-7B-Instruct.jinja", "Qwen-Qwen3-0.6B.jinja", "ibm-granite-granite-4.0.jinja"})
    EXPECT_EQ(published(name).call_style(), CallStyle::Json) << name;
  for (const char* name : {"Mistral-Small-3.2-24B-Instruct-2506.jinja", "google-gemma-2-2b-it.jinja", "GLM-4.6.jinja"})
    EXPECT_EQ(published(name).call_style(), CallStyle::None) << name;
}

TEST(ChatTemplate, KnowsWhatATemplateSupports) {
  const ChatTemplate qwen = published("Qwen3.5-4B.jinja");
  EXPECT_TRUE(qwen.supports_tools());
  EXPECT_TRUE(qwen.supports_thinking_switch());
  EXPECT_TRUE(qwen.supports_system_role());
  EXPECT_TRUE(qwen.thinks({}));
  EXPECT_FALSE(qwen.thinks(false));
  const ChatTemplate gemma = published("google-gemma-2-2b-it.jinja");
  EXPECT_FALSE(gemma.supports_tools());
  EXPECT_FALSE(gemma.supports_thinking_switch());
  EXPECT_FALSE(gemma.supports_system_role());
  const ChatTemplate qwen25 = published("Qwen-Qwen2.5-7B-Instruct.jinja");
  EXPECT_TRUE(qwen25.supports_tools());
  EXPECT_FALSE(qwen25.supports_thinking_switch());
}

TEST(ChatTemplate, LargeIntegersStayExact) {
  const ChatTemplate chat = ChatTemplate::parse("{{ messages|tojson }}");
  ChatRequest request;
  request.messages = conversation("[18446744073709551615, -9223372036854775808, 9007199254740993, 1.0]");
  EXPECT_EQ(chat.render(request), "[18446744073709551615, -9223372036854775808, 9007199254740993, 1.0]");
}

}  // namespace
}  // namespace paceline

#include "text/chat_template.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include "text/template_vectors.h"
#include "text/tokenizer.h"
#include "text/vectors.h"

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

// A tokenizer that knows what looks like a special token in `text`, and an end of text.
std::unique_ptr<Tokenizer> tokenizer_for(const std::string& text, const std::string& eos) {
  std::vector<testing::SpecialToken> specials = {{eos, TokenKind::Control}};
  const std::regex tag(R"(<[^<>\s]+>|\[[^\]\[\s]+[\]\[])");
  for (auto at = std::sregex_iterator(text.begin(), text.end(), tag); at != std::sregex_iterator(); ++at)
    if (at->str() != eos) specials.push_back({at->str(), TokenKind::Control});
  VocabularyData data = testing::small_vocabulary({}, specials);
  const auto place = std::find(data.tokens.begin(), data.tokens.end(), eos);
  data.eos = static_cast<Token>(place - data.tokens.begin());
  return Tokenizer::build(data);
}

TEST(ChatTemplate, ATurnEndsInEveryTemplate) {
  int known = 0, learned = 0;
  for (const JsonMember& member : template_vectors().at("templates").as_object().members()) {
    std::string between;
    try {
      between = ChatTemplate::parse(member.value.as_string()).between_turns("<BOS>", "<EOS>");
    } catch (const Error&) {
      continue;  // the golden renders know which do not parse
    }
    if (between.find_first_of("<[") == std::string::npos) continue;  // turns that are plain text end at eos
    const auto tokenizer = tokenizer_for(between, "<EOS>");
    const auto ends = [&] {
      const std::vector<Token> tokens = tokenizer->encode(between, true);
      return std::any_of(tokens.begin(), tokens.end(), [&](Token token) { return tokenizer->is_end(token); });
    };
    ++(ends() ? known : learned);
    tokenizer->learn_turn_end(between);
    EXPECT_TRUE(ends()) << member.key << ": " << between;
  }
  EXPECT_GE(known, 40);
  EXPECT_GE(learned, 10);
}

TEST(ChatTemplate, ATurnsOwnEndIsLeftAlone) {
  const std::string between = published("Kimi-K3.jinja").between_turns("", "");
  const auto tokenizer = tokenizer_for(between, "<|end_of_msg|>");
  tokenizer->learn_turn_end(between);
  EXPECT_TRUE(tokenizer->is_end(tokenizer->find("<|end_of_msg|>")));
  EXPECT_FALSE(tokenizer->is_end(tokenizer->find("<|close|>")));
  const std::string glm = published("GLM-4.6.jinja").between_turns("", "");
  const auto other = tokenizer_for(glm, "<|endoftext|>");
  EXPECT_FALSE(other->is_end(other->find("<|user|>")));
  other->learn_turn_end(glm);
  EXPECT_TRUE(other->is_end(other->find("<|user|>")));
  EXPECT_TRUE(std::is_sorted(other->end_tokens().begin(), other->end_tokens().end()));
}

// The next turn begins with the conversation, though not with the start of a thought.
TEST(ChatTemplate, AConversationStandsInItsNextPrompt) {
  ChatRequest first;
  first.messages = conversation(R"([{"role": "user", "content": "Hi"}])");
  const ChatTemplate qwen = published("Qwen3.5-4B.jinja");
  const std::string asked = qwen.render(first);
  EXPECT_EQ(qwen.call_for_answer(first, asked), "<|im_start|>assistant\n<think>\n");
  ChatRequest second;
  second.messages = conversation(R"([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"},
                                     {"role": "user", "content": "Go on"}])");
  int begun = 0;
  for (const JsonMember& member : template_vectors().at("templates").as_object().members()) {
    try {
      const ChatTemplate chat = ChatTemplate::parse(member.value.as_string());
      const std::string prompt = chat.render(first), next = chat.render(second);
      const size_t length = prompt.size() - chat.call_for_answer(first, prompt).size();
      begun += length > 0 && next.starts_with(prompt.substr(0, length)) ? 1 : 0;
    } catch (const Error&) {
      continue;  // the golden renders know which do not parse, or refuse
    }
  }
  EXPECT_GE(begun, 50);
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

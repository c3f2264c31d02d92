#include "app/chat/responder.h"

#include "base/error.h"
#include "text/text_stream.h"

namespace paceline {

namespace {

constexpr const char* kTemplateKey = "tokenizer.chat_template";

ChatTemplate load_template(const GgufFile& file) {
  const auto source = file.metadata().find_text(kTemplateKey);
  if (!source || source->empty())
    fail(file.path(), " has no chat template (", kTemplateKey,
         "), so it is no chat model; paceline complete continues a text with it");
  return ChatTemplate::parse(*source);
}

}  // namespace

Responder::Responder(Session& session)
    : session_(session),
      template_(load_template(*session.file)),
      generator_(*session.device, *session.model, session.options) {
  learn_turn_end(*session.tokenizer, template_);
}

ChatRequest Responder::request(const Json& messages, Think think) const {
  ChatRequest request;
  request.messages = messages;
  if (think != Think::Auto) request.enable_thinking = think == Think::On;
  request.bos_token = session_.tokenizer->special_text(session_.tokenizer->bos());
  request.eos_token = session_.tokenizer->special_text(session_.tokenizer->eos());
  return request;
}

std::string Responder::complaint(const ChatSettings& settings, const Conversation& conversation) const {
  if (settings.think != Think::Auto && !template_.supports_thinking_switch())
    return "this model's template has no switch for thinking; --think changes nothing";
  if (!conversation.system.empty() && !template_.supports_system_role())
    return "this model's template leaves system messages out";
  return "";
}

ChatAnswer Responder::answer(const Conversation& conversation, const std::string& question,
                             const ChatSettings& settings, AnswerPrinter& printer, const std::atomic<bool>* stop,
                             const std::function<void(double)>& on_prompt) {
  const ChatRequest asked = request(conversation.messages(&question), settings.think);
  const std::string prompt = template_.render(asked);
  const std::vector<Token> tokens = session_.tokenizer->encode(prompt, true);
  const int context = session_.options.context;
  if (!conversation.turns().empty() && tokens.size() >= static_cast<size_t>(context))
    fail("the conversation has ", tokens.size(), " tokens with this question, expected fewer than the context of ",
         context, " (-c); ", kMakeRoom);
  const int conversation_end = conversation_length(template_, *session_.tokenizer, asked, prompt, tokens);
  OutputFormat format;
  format.starts_in_reasoning = opens_thought(prompt);
  OutputParser parser(std::move(format));
  TextStream stream(*session_.tokenizer);
  ChatAnswer answer;
  const auto take = [&](const std::vector<OutputEvent>& events, bool was_draft) {
    for (const OutputEvent& event : events) {
      (event.kind == OutputEvent::Kind::Reasoning ? answer.reasoning : answer.text) += event.text;
      printer.show(event, was_draft);
    }
  };
  const GenerationLimits limits{.max_tokens = settings.max_tokens,
                                .end_tokens = session_.tokenizer->end_tokens(),
                                .stable_positions = std::span(&conversation_end, 1),
                                .stop = stop};
  answer.generation = generator_.generate(
      tokens, settings.sampling, limits,
      [&](GeneratedToken token) {
        take(parser.push(stream.push(token)), token.was_draft);
        return true;
      },
      [&](int done) { on_prompt(static_cast<double>(done) / static_cast<double>(tokens.size())); });
  take(parser.push(stream.finish()), false);
  take(parser.finish(), false);
  printer.finish();
  return answer;
}

}  // namespace paceline

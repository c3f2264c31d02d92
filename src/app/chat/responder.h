#pragma once
// From a conversation to an answer: renders the model's template, runs the prompt, splits the stream into thinking and answer. Each turn
// reads what is new in it: the generator keeps what earlier ones have read (engine/prefix_cache.h).
#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "app/chat/answer_printer.h"
#include "app/chat/chat_settings.h"
#include "app/chat/conversation.h"
#include "text/chat_template.h"

namespace paceline {

struct ChatAnswer {
  std::string reasoning, text;
  Generation generation;
};

class Responder {
 public:
  // Throws Error when the model has no chat template or one that cannot be read. `session` outlives this.
  explicit Responder(Session& session);

  // on_prompt: with the share of the prompt that has been processed.
  ChatAnswer answer(const Conversation& conversation, const std::string& question, const ChatSettings& settings,
                    AnswerPrinter& printer, const std::atomic<bool>* stop,
                    const std::function<void(double)>& on_prompt);

  // What the template cannot do of what was asked; "" when it can all.
  std::string complaint(const ChatSettings& settings, const Conversation& conversation) const;

  const Session& session() const { return session_; }
  SpeculationKnowledge learned() const { return generator_.learned(); }
  double plain_tokens_per_second() const { return generator_.plain_tokens_per_second(); }

 private:
  ChatRequest request(const Json& messages, Think think) const;

  Session& session_;
  ChatTemplate template_;
  Generator generator_;
};

}  // namespace paceline

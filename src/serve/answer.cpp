#include "serve/answer.h"

namespace paceline {

Answer::Answer(int index, const Tokenizer& tokenizer, const CompletionRequest& request, RequestHandle handle)
    : index_(index),
      tokenizer_(tokenizer),
      handle_(std::move(handle)),
      stream_(tokenizer),
      stops_(request.stop),
      one_call_(request.one_call) {
  if (request.format) parser_.emplace(*request.format);
}

std::optional<Event> Answer::next_event() {
  if (put_back_) return std::exchange(put_back_, std::nullopt);
  return handle_.try_next();
}

Answer::Step Answer::advance() {
  delta_ = {};
  if (ended_) return Step::Nothing;
  std::optional<Event> event = next_event();
  if (!event) return Step::Nothing;
  if (event->kind == Event::Kind::PromptProgress) {
    progress_ = std::move(*event);
    return Step::Progress;
  }
  const uint64_t pass = event->pass;
  for (; event && event->kind == Event::Kind::NewToken && event->pass == pass; event = next_event()) {
    take_token(*event);
    const bool has_call = one_call_ && !calls_.empty();
    if (stops_.found().empty() && !has_call) continue;
    handle_.cancel();
    return finish(has_call ? AnswerEnd::Stop : AnswerEnd::StopString);
  }
  if (!event) return Step::Delta;
  if (event->kind != Event::Kind::Finished) {
    put_back_ = std::move(event);
    return Step::Delta;
  }
  error_ = event->message;
  switch (event->reason) {
    case FinishReason::Stop: return finish(AnswerEnd::Stop);
    case FinishReason::Length:
    case FinishReason::Context: return finish(AnswerEnd::Length);
    case FinishReason::Cancelled: return finish(AnswerEnd::Cancelled);
    case FinishReason::Error: return finish(AnswerEnd::Error);
  }
  return finish(AnswerEnd::Error);
}

void Answer::take_token(const Event& event) {
  AnswerToken token{.id = event.token,
                    .text = tokenizer_.piece(event.token),
                    .from_draft = event.from_draft,
                    .kind = kind(),
                    .logprob = event.logprob,
                    .alternatives = event.alternatives};
  if (delta_.tokens.empty()) {
    for (const Token draft : event.drafts()) delta_.drafted.push_back(tokenizer_.piece(draft));
    delta_.copied = event.copied_count, delta_.accepted = event.accepted_count;
  }
  take_text(stops_.push(stream_.push(event.token)));
  if (token.kind == OutputEvent::Kind::Answer) token.kind = kind();
  delta_.tokens.push_back(token);
  tokens_.push_back(std::move(token));
}

void Answer::take_text(std::string_view text) {
  if (text.empty()) return;
  if (parser_) take_events(parser_->push(text));
  else take_events({{.kind = OutputEvent::Kind::Answer, .text = std::string(text), .call = {}}});
}

void Answer::take_events(std::vector<OutputEvent> events) {
  for (OutputEvent& event : events) {
    if (one_call_ && !calls_.empty()) return;  // what stands behind it is no longer the answer
    if (event.kind == OutputEvent::Kind::Call) calls_.push_back(event.call);
    else (event.kind == OutputEvent::Kind::Reasoning ? reasoning_ : text_) += event.text;
    auto& all = delta_.events;
    if (event.kind != OutputEvent::Kind::Call && !all.empty() && all.back().kind == event.kind)
      all.back().text += event.text;
    else all.push_back(std::move(event));
  }
}

Answer::Step Answer::finish(AnswerEnd end) {
  ended_ = true;
  if (stops_.found().empty()) {
    take_text(stops_.push(stream_.finish()));
    take_text(stops_.finish());
  }
  if (parser_) take_events(parser_->finish());
  const bool natural = end == AnswerEnd::Stop || end == AnswerEnd::StopString;
  end_ = natural && !calls_.empty() ? AnswerEnd::ToolCalls : end;
  return Step::Ended;
}

}  // namespace paceline

#pragma once
// One choice of one request on its way from tokens to text: end of text, stop strings, reasoning and tool calls are recognised here. The
// worker's thread only.
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "serve/stop_matcher.h"
#include "text/constrain/answer_grammar.h"
#include "text/output_parser.h"
#include "text/text_stream.h"

namespace paceline {

namespace constrain {
class CompiledConstraint;
}

// What every API's request comes down to.
struct CompletionRequest {
  std::vector<Token> prompt;
  std::vector<int> stable_positions;  // of it, as in Request
  std::vector<std::vector<Token>> more_prompts;  // answered with it: all choices of the first prompt, of the second, …
  SamplingParameters sampling;
  bool seed_is_drawn = false;  // nobody gave it
  int max_tokens = -1;
  int drafts = kAutoDrafts;
  int top_logprobs = -1;
  int choices = 1;
  bool ignore_end = false;  // go on after an end token
  bool cache_prompt = true;
  bool resumable = false;  // outlives its readers
  std::vector<std::string> stop;
  std::optional<OutputFormat> format;  // of a chat; absent: the text as it comes
  std::optional<constrain::AnswerForm> form;  // that it must have, to be compiled
  std::shared_ptr<constrain::CompiledConstraint> constraint;  // compiled; null: none
  bool one_call = false;  // the answer ends with its first tool call
};

struct AnswerToken {
  Token id = 0;
  std::string text;  // its bytes
  bool from_draft = false;
  OutputEvent::Kind kind = OutputEvent::Kind::Answer;  // tags are of the block they open or close
  float logprob = 0;
  std::vector<TokenLogprob> alternatives;
};

// What one pass of the model brought.
struct AnswerDelta {
  std::vector<OutputEvent> events;  // may be empty: text is held back, or the answer is over
  std::vector<AnswerToken> tokens;
  std::vector<std::string> drafted;  // texts of the drafts that were tried
  int copied = 0;  // the last of them, by copying from the text
  int accepted = 0;
};

enum class AnswerEnd { Stop, StopString, Length, ToolCalls, Cancelled, Error };

class Answer {
 public:
  Answer(int index, const Tokenizer& tokenizer, const CompletionRequest& request, RequestHandle handle);

  enum class Step { Nothing, Progress, Delta, Ended };
  // Takes the next thing that has happened, if any; progress() or delta() then tells it. Ended comes once, maybe with a delta() of text that
  // was held back.
  Step advance();
  void cancel() { handle_.cancel(); }

  int index() const { return index_; }
  const Event& progress() const { return progress_; }
  const AnswerDelta& delta() const { return delta_; }
  bool ended() const { return ended_; }
  AnswerEnd end() const { return end_; }
  const std::string& stop_string() const { return stops_.found(); }
  const std::string& error() const { return error_; }
  RequestStats stats() const { return handle_.stats(); }

  // The whole of it so far.
  const std::string& text() const { return text_; }
  const std::string& reasoning() const { return reasoning_; }
  const std::vector<ToolCall>& calls() const { return calls_; }
  const std::vector<AnswerToken>& tokens() const { return tokens_; }

 private:
  std::optional<Event> next_event();
  void take_token(const Event& event);
  void take_text(std::string_view text);
  OutputEvent::Kind kind() const { return parser_ ? parser_->kind() : OutputEvent::Kind::Answer; }
  void take_events(std::vector<OutputEvent> events);
  Step finish(AnswerEnd end);

  int index_;
  const Tokenizer& tokenizer_;
  RequestHandle handle_;
  TextStream stream_;
  StopMatcher stops_;
  std::optional<OutputParser> parser_;
  bool one_call_, ended_ = false;
  AnswerEnd end_ = AnswerEnd::Stop;
  std::optional<Event> put_back_;
  Event progress_;
  AnswerDelta delta_;
  std::string text_, reasoning_, error_;
  std::vector<ToolCall> calls_;
  std::vector<AnswerToken> tokens_;
};

}  // namespace paceline

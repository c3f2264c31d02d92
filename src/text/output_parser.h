#pragma once
// Splits what a model writes into reasoning (<think>…</think>), answer and tool calls while it streams. However the text is cut into
// pushes, the events are the same once neighbours of one kind are joined. Nothing the model wrote is lost: what looks like a tool call
// and is none comes out as answer text; only the tags and the blank space around them go.
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tool_call.h"

namespace paceline {

struct OutputEvent {
  enum class Kind { Reasoning, Answer, Call };
  Kind kind = Kind::Answer;
  std::string text;  // of Reasoning and Answer
  ToolCall call;  // of Call
  bool operator==(const OutputEvent&) const = default;
};

struct OutputFormat {
  bool starts_in_reasoning = false;  // the prompt ended with <think>
  bool reasoning = true;  // <think> at the start opens a block
  bool tool_calls = false;  // tools were offered
  bool calls_come_first = false;  // behind other text there are none, whatever it looks like
  ToolSchemas schemas;
};

class OutputParser {
 public:
  explicit OutputParser(OutputFormat format);
  std::vector<OutputEvent> push(std::string_view text);
  // What is left at the end of the stream. A block the model did not close ends here; an unfinished call is answer text.
  std::vector<OutputEvent> finish();
  // What text that comes now would be part of, unless it is a tag.
  OutputEvent::Kind kind() const;
  // Whether both, copies of one parser to begin with, will treat the same text alike from here on.
  bool operator==(const OutputParser&) const = default;

 private:
  enum class State { Reasoning, Answer, Call };
  struct Tag {
    size_t at = std::string_view::npos;
    std::string_view text;  // empty: none found
  };

  void run();
  bool step_reasoning();
  bool step_answer();
  bool step_call();
  void begin_answer();
  void begin_reasoning();
  void begin_call(std::string_view tag);
  bool accept_call(std::string_view body);
  void end_call(std::string_view tag);
  void extend_body(std::string_view text);

  Tag find_tag(std::span<const std::string_view> tags) const;
  bool counts(const Tag& tag) const;
  size_t undecided_length(std::span<const std::string_view> tags) const;
  std::string take(size_t length);
  void write(std::string_view text);
  void emit(OutputEvent event);

  std::shared_ptr<const OutputFormat> format_;  // shared by copies
  State state_ = State::Answer;
  std::string buffer_;  // not yet decided
  std::string spaces_;  // blank space that is written when text of the same block follows
  bool skips_spaces_ = false;  // nothing written in this block, and blank space before it does not count
  bool wrote_answer_ = false;  // of this message
  bool at_line_start_ = true;  // of buffer_
  bool after_bare_call_ = false;
  std::string opening_, body_;  // of the call: its opening tag, and what followed so far
  ToolCallScanner scanner_;  // has seen body_
  int attempts_ = 0;  // to end a bare call
  std::vector<OutputEvent> events_;
};

}  // namespace paceline

#include "text/output_parser.h"

#include <algorithm>
#include <utility>

namespace paceline {

namespace {

constexpr std::string_view kSpaces = " \t\r\n";
constexpr std::string_view kThink = "<think>", kThinkEnd = "</think>";
constexpr std::string_view kCall = "<tool_call>", kCallEnd = "</tool_call>";
constexpr std::string_view kFunction = "<function=", kFunctionEnd = "</function>";

constexpr std::string_view kReasoningTags[] = {kThink, kThinkEnd};
constexpr std::string_view kAnswerTags[] = {kThink, kThinkEnd, kCall, kCallEnd, kFunction};
constexpr std::string_view kCallTags[] = {kCall, kCallEnd};
constexpr std::string_view kBareCallTags[] = {kFunctionEnd};

// </function> may stand in a value of a bare call; after so many that end no call, it is none. Bounds the work.
constexpr int kMostAttempts = 64;
// Larger pushes are cut up, which changes nothing but keeps the work linear.
constexpr size_t kMostBuffered = 4096;

bool is_blank(std::string_view text) { return text.find_first_not_of(kSpaces) == std::string_view::npos; }

}  // namespace

OutputParser::OutputParser(OutputFormat format) : format_(std::make_shared<const OutputFormat>(std::move(format))) {
  if (format_->starts_in_reasoning) begin_reasoning();
}

std::vector<OutputEvent> OutputParser::push(std::string_view text) {
  while (!text.empty()) {
    const std::string_view part = text.substr(0, kMostBuffered);
    buffer_ += part;
    run();
    text.remove_prefix(part.size());
  }
  return std::exchange(events_, {});
}

std::vector<OutputEvent> OutputParser::finish() {
  if (state_ == State::Call) {
    // The stream may have been cut within the closing tag, which is then what is left in the buffer.
    if (!accept_call(body_ + buffer_) && !accept_call(body_)) {
      begin_answer();
      write(opening_ + body_ + buffer_);
    }
    buffer_.clear();
  }
  write(take(buffer_.size()));
  if (state_ == State::Answer && !skips_spaces_ && !spaces_.empty()) emit({OutputEvent::Kind::Answer, spaces_, {}});
  spaces_.clear();
  return std::exchange(events_, {});
}

OutputEvent::Kind OutputParser::kind() const {
  switch (state_) {
    case State::Reasoning: return OutputEvent::Kind::Reasoning;
    case State::Call: return OutputEvent::Kind::Call;
    default: return OutputEvent::Kind::Answer;
  }
}

void OutputParser::run() {
  for (bool more = true; more;) {
    switch (state_) {
      case State::Reasoning: more = step_reasoning(); break;
      case State::Answer: more = step_answer(); break;
      case State::Call: more = step_call(); break;
    }
  }
}

bool OutputParser::step_reasoning() {
  const Tag tag = find_tag(kReasoningTags);
  if (tag.text.empty()) {
    write(take(buffer_.size() - undecided_length(kReasoningTags)));
    return false;
  }
  write(take(tag.at));
  take(tag.text.size());
  if (tag.text == kThinkEnd) begin_answer(), spaces_.clear(), skips_spaces_ = true;
  return true;
}

bool OutputParser::step_answer() {
  const Tag tag = find_tag(kAnswerTags);
  if (tag.text.empty()) {
    write(take(buffer_.size() - undecided_length(kAnswerTags)));
    return false;
  }
  write(take(tag.at));
  take(tag.text.size());
  if (tag.text == kThink) begin_reasoning();
  else if (tag.text == kCall || tag.text == kFunction) begin_call(tag.text);
  else spaces_.clear(), skips_spaces_ = true, at_line_start_ = true;  // a closing tag without a block
  return true;
}

bool OutputParser::step_call() {
  const bool bare = opening_.empty();
  const std::span<const std::string_view> tags = bare ? std::span<const std::string_view>(kBareCallTags) : kCallTags;
  const Tag tag = find_tag(tags);
  if (tag.text.empty()) {
    extend_body(take(buffer_.size() - undecided_length(tags)));
    return false;
  }
  extend_body(take(tag.at));
  take(tag.text.size());
  if (bare) {
    extend_body(tag.text);
    if (accept_call(body_)) after_bare_call_ = true;
    else if (++attempts_ == kMostAttempts) begin_answer(), at_line_start_ = false, write(body_);
  } else if (scanner_.inside_value()) {
    extend_body(tag.text);
  } else {
    end_call(tag.text);
  }
  return true;
}

void OutputParser::begin_answer() {
  state_ = State::Answer;
  at_line_start_ = true;
  after_bare_call_ = false;
}

void OutputParser::begin_reasoning() {
  state_ = State::Reasoning;
  spaces_.clear();
  skips_spaces_ = true;
}

// The blank space before a call stays in spaces_ until it is known to be one.
void OutputParser::begin_call(std::string_view tag) {
  state_ = State::Call;
  scanner_ = ToolCallScanner();
  attempts_ = 0;
  body_.clear();
  opening_.clear();
  if (tag == kFunction) extend_body(tag);
  else opening_ = tag;
}

void OutputParser::extend_body(std::string_view text) {
  body_ += text;
  scanner_.advance(text);
}

// Emits the calls of `body`, if that is what it is, and goes on with the answer.
bool OutputParser::accept_call(std::string_view body) {
  std::optional<std::vector<ToolCall>> calls = parse_tool_calls(body, format_->schemas);
  if (!calls) return false;
  for (ToolCall& call : *calls) emit({OutputEvent::Kind::Call, "", std::move(call)});
  begin_answer();
  spaces_.clear();
  skips_spaces_ = true;
  return true;
}

void OutputParser::end_call(std::string_view tag) {
  if (accept_call(body_)) {
    if (tag == kCall) begin_call(tag);
  } else if (tag == kCall && scanner_.empty()) {  // said twice
    opening_ += body_ + std::string(tag);
    body_.clear();
  } else {
    begin_answer();
    at_line_start_ = false;
    if (tag == kCall) {
      write(opening_ + body_);
      begin_call(tag);
    } else {
      write(opening_ + body_ + std::string(tag));
    }
  }
}

OutputParser::Tag OutputParser::find_tag(std::span<const std::string_view> tags) const {
  const std::string_view text = buffer_;
  for (size_t at = text.find('<'); at != std::string_view::npos; at = text.find('<', at + 1))
    for (const std::string_view name : tags)
      if (const Tag tag{at, name}; text.substr(at).starts_with(name) && counts(tag)) return tag;
  return {};
}

// Whether a tag means something where it stands; elsewhere it is text.
bool OutputParser::counts(const Tag& tag) const {
  if (state_ == State::Call) return true;
  const std::string_view before = std::string_view(buffer_).substr(0, tag.at);
  const bool first = is_blank(before);
  if (state_ == State::Reasoning) return tag.text == kThinkEnd || (skips_spaces_ && first);
  if (tag.text == kThink || tag.text == kThinkEnd) return format_->reasoning && !wrote_answer_ && first;
  if (!format_->tool_calls || (format_->calls_come_first && (wrote_answer_ || !first))) return false;
  if (tag.text == kCallEnd) return after_bare_call_ && skips_spaces_ && first;
  if (tag.text == kFunction) return before.empty() ? at_line_start_ : before.back() == '\n';
  return true;
}

// How much at the end of the buffer may turn out to be the start of a tag.
size_t OutputParser::undecided_length(std::span<const std::string_view> tags) const {
  const size_t at = buffer_.rfind('<');
  if (at == std::string::npos) return 0;
  const std::string_view end = std::string_view(buffer_).substr(at);
  const bool undecided = std::any_of(
      tags.begin(), tags.end(), [&](std::string_view tag) { return end.size() < tag.size() && tag.starts_with(end); });
  return undecided ? end.size() : 0;
}

std::string OutputParser::take(size_t length) {
  std::string text = buffer_.substr(0, length);
  buffer_.erase(0, length);
  if (!text.empty()) at_line_start_ = text.back() == '\n';
  return text;
}

// Text of the current block; blank space at its end waits for what follows.
void OutputParser::write(std::string_view text) {
  if (skips_spaces_) text.remove_prefix(std::min(text.find_first_not_of(kSpaces), text.size()));
  spaces_ += text;
  const size_t last = spaces_.find_last_not_of(kSpaces);
  if (last == std::string::npos) return;
  const bool reasoning = state_ == State::Reasoning;
  emit({reasoning ? OutputEvent::Kind::Reasoning : OutputEvent::Kind::Answer, spaces_.substr(0, last + 1), {}});
  spaces_.erase(0, last + 1);
  skips_spaces_ = false;
  if (!reasoning) wrote_answer_ = true;
}

void OutputParser::emit(OutputEvent event) {
  if (event.kind != OutputEvent::Kind::Call && !events_.empty() && events_.back().kind == event.kind)
    events_.back().text += event.text;
  else events_.push_back(std::move(event));
}

}  // namespace paceline

#include "serve/responses_writer.h"

#include <algorithm>

#include "serve/openai.h"
#include "serve/report.h"

namespace paceline::responses {

namespace {

using Kind = OutputEvent::Kind;

// One of the response's output: a thought, a message or a call.
struct Item {
  Kind kind = Kind::Answer;
  std::string id, text;  // of a call: its arguments
  std::string call_id, name;  // of a call
  std::vector<AnswerToken> tokens;  // of a message, for logprobs
  const char* status = "in_progress";
};

Json typed(const char* type) {
  Json out = Json::object();
  out.set("type", type);
  return out;
}

Json part_json(const Job& job, const Item& item) {
  Json out = typed(item.kind == Kind::Answer ? "output_text" : "reasoning_text");
  out.set("text", item.text);
  if (item.kind != Kind::Answer) return out;
  out.set("annotations", Json::array()), out.set("logprobs", logprobs_json(job, item.tokens));
  return out;
}

Json item_json(const Item& item, Json content) {
  Json out = typed(item.kind == Kind::Answer ? "message" : item.kind == Kind::Call ? "function_call" : "reasoning");
  out.set("id", item.id), out.set("status", item.status);
  if (item.kind == Kind::Call) {
    out.set("call_id", item.call_id), out.set("name", item.name), out.set("arguments", item.text);
    return out;
  }
  if (item.kind == Kind::Answer) out.set("role", "assistant");
  else out.set("summary", Json::array());
  out.set("content", std::move(content));
  return out;
}

Json whole_item(const Job& job, const Item& item) {
  Json content = Json::array();
  if (item.kind != Kind::Call) content.push_back(part_json(job, item));
  return item_json(item, std::move(content));
}

// It ended by itself.
bool is_whole(const Answer& answer) {
  return answer.end() == AnswerEnd::Stop || answer.end() == AnswerEnd::StopString ||
         answer.end() == AnswerEnd::ToolCalls;
}

constexpr size_t kShortSettings = size_t{256} << 10;

class Writer : public AnswerWriter {
 public:
  explicit Writer(WriterOptions options)
      : options_(std::move(options)), id_(random_id("resp_")), created_(unix_seconds()) {}

  void on_start(Job& job) override {
    if (!options_.stream) return;
    job.exchange().begin_stream({.content_type = "text/event-stream; charset=utf-8"});
    send_response(job, "response.created", response(job, "in_progress"));
    send_response(job, "response.in_progress", response(job, "in_progress"));
  }

  void on_delta(Job& job, const Answer& answer) override {
    for (const AnswerToken& token : answer.delta().tokens) {
      if (token.kind == Kind::Reasoning) ++reasoning_tokens_;
      if (token.kind == Kind::Answer && job.request().top_logprobs >= 0) untold_.push_back(token);
    }
    for (const OutputEvent& event : answer.delta().events) {
      if (event.kind == Kind::Call) add_call(job, event.call);
      else add_text(job, event.kind, event.text);
    }
  }

  void on_answer_end(Job& job, const Answer& answer) override {
    on_delta(job, answer);
    const bool whole = is_whole(answer);
    if (whole && answer.text().empty() && answer.calls().empty()) add_text(job, Kind::Answer, "");
    close_item(job, whole ? "completed" : "incomplete");
  }

  void on_end(Job& job) override {
    const Answer& answer = *job.answers().front();
    const bool whole = is_whole(answer);
    Json out = response(job, whole ? "completed" : "incomplete");
    if (whole) {
      out.set("completed_at", unix_seconds());
    } else {
      Json details = Json::object();
      details.set("reason", "max_output_tokens");
      out.set("incomplete_details", std::move(details));
    }
    out.set("usage", usage(job));
    out.set("timings", timings_json(answer)), out.set("paceline", speculation_json(answer));
    if (!options_.stream) return job.exchange().respond({.body = out.dump()});
    send_response(job, whole ? "response.completed" : "response.incomplete", std::move(out));
    job.exchange().finish();
  }

  void on_error(Job& job, const std::string& message) override {
    if (!options_.stream)
      return job.exchange().respond({.status = 500, .body = openai::error_body(ApiError(500, message))});
    close_item(job, "incomplete");
    Json out = response(job, "failed"), error = Json::object();
    error.set("code", "server_error"), error.set("message", message);
    out.set("error", std::move(error)), out.set("usage", usage(job));
    send_response(job, "response.failed", std::move(out));
    job.exchange().finish();
  }

 private:
  Json usage(const Job& job) const {
    Json input = Json::object(), output = Json::object(), out = Json::object();
    input.set("cached_tokens", job.cached_tokens()), input.set("cache_write_tokens", 0);
    output.set("reasoning_tokens", reasoning_tokens_);
    out.set("input_tokens", job.prompt_tokens()), out.set("input_tokens_details", std::move(input));
    out.set("output_tokens", job.generated_tokens()), out.set("output_tokens_details", std::move(output));
    out.set("total_tokens", job.prompt_tokens() + job.generated_tokens());
    return out;
  }

  Json response(const Job& job, const char* status) const {
    Json out = Json::object(), output = Json::array();
    for (const Item& item : items_) output.push_back(whole_item(job, item));
    out.set("id", id_), out.set("object", "response"), out.set("created_at", created_), out.set("status", status);
    out.set("completed_at", nullptr), out.set("error", nullptr), out.set("incomplete_details", nullptr);
    out.set("model", options_.model), out.set("output", std::move(output)), out.set("usage", nullptr);
    // Where they are long they come once, at the end: nobody may have taken the first events when the next are written.
    if (settings_are_short_ || status != std::string_view("in_progress"))
      for (const auto& [name, value] : options_.settings.as_object().members()) out.set(name, value);
    return out;
  }

  void send(Job& job, Json event) {
    event.set("sequence_number", sequence_number_++);
    job.exchange().write(sse_event(event.at("type").as_string(), event));
  }

  void send_response(Job& job, const char* type, Json response) {
    Json event = typed(type);
    event.set("response", std::move(response));
    send(job, std::move(event));
  }

  void send_item(Job& job, const char* type, Json item) {
    Json event = typed(type);
    event.set("output_index", items_.size() - 1), event.set("item", std::move(item));
    send(job, std::move(event));
  }

  // Of what is in the last item.
  Json inner_event(const char* type) const {
    Json event = typed(type);
    event.set("item_id", items_.back().id), event.set("output_index", items_.size() - 1);
    if (items_.back().kind != Kind::Call) event.set("content_index", 0);
    return event;
  }

  void send_part(Job& job, const char* type) {
    Json event = inner_event(type);
    event.set("part", part_json(job, items_.back()));
    send(job, std::move(event));
  }

  void open_item(Job& job, Item item) {
    close_item(job, "completed");
    items_.push_back(std::move(item));
    is_open_ = true;
    if (!options_.stream) return;
    send_item(job, "response.output_item.added", item_json(items_.back(), Json::array()));
    if (items_.back().kind != Kind::Call) send_part(job, "response.content_part.added");
  }

  void close_item(Job& job, const char* status) {
    if (!is_open_) return;
    is_open_ = false;
    Item& item = items_.back();
    item.status = status;
    if (item.kind == Kind::Answer) take_tokens(item);
    if (!options_.stream) return;
    Json done = inner_event(item.kind == Kind::Answer ? "response.output_text.done"
                            : item.kind == Kind::Call ? "response.function_call_arguments.done"
                                                      : "response.reasoning_text.done");
    if (item.kind == Kind::Call) done.set("name", item.name);
    done.set(item.kind == Kind::Call ? "arguments" : "text", item.text);
    if (item.kind == Kind::Answer) done.set("logprobs", logprobs_json(job, item.tokens));
    send(job, std::move(done));
    if (item.kind != Kind::Call) send_part(job, "response.content_part.done");
    send_item(job, "response.output_item.done", whole_item(job, item));
  }

  // Those whose text has come out since; the new ones.
  std::vector<AnswerToken> take_tokens(Item& item) {
    std::vector<AnswerToken> tokens = std::exchange(untold_, {});
    item.tokens.insert(item.tokens.end(), tokens.begin(), tokens.end());
    return tokens;
  }

  void send_delta(Job& job, const char* type, const std::string& text, const std::vector<AnswerToken>* tokens) {
    Json event = inner_event(type);
    event.set("delta", text);
    if (tokens != nullptr) event.set("logprobs", logprobs_json(job, *tokens));
    send(job, std::move(event));
  }

  void add_text(Job& job, Kind kind, const std::string& text) {
    const bool is_answer = kind == Kind::Answer;
    if (!is_open_ || items_.back().kind != kind) {
      Item opened;
      opened.kind = kind, opened.id = random_id(is_answer ? "msg_" : "rs_");
      open_item(job, std::move(opened));
    }
    Item& item = items_.back();
    item.text += text;
    const std::vector<AnswerToken> tokens = is_answer ? take_tokens(item) : std::vector<AnswerToken>();
    if (!options_.stream || text.empty()) return;
    send_delta(job, is_answer ? "response.output_text.delta" : "response.reasoning_text.delta", text,
               is_answer ? &tokens : nullptr);
  }

  // In one piece, since it is known when it is complete.
  void add_call(Job& job, const ToolCall& call) {
    Item item;
    item.kind = Kind::Call, item.name = call.name;
    item.id = random_id("fc_"), item.call_id = random_id("call_");
    open_item(job, std::move(item));
    items_.back().text = call.arguments.dump();
    if (options_.stream) send_delta(job, "response.function_call_arguments.delta", items_.back().text, nullptr);
    close_item(job, "completed");
  }

  WriterOptions options_;
  const bool settings_are_short_ = options_.settings.dump().size() <= kShortSettings;
  std::string id_;
  int64_t created_;
  int sequence_number_ = 0, reasoning_tokens_ = 0;
  std::vector<Item> items_;
  bool is_open_ = false;  // the last of them
  std::vector<AnswerToken> untold_;  // of the answer; their text is held back
};

}  // namespace

std::unique_ptr<AnswerWriter> make_writer(WriterOptions options) {
  return std::make_unique<Writer>(std::move(options));
}

}  // namespace paceline::responses

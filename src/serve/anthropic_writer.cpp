#include "serve/anthropic_writer.h"

#include "serve/anthropic.h"
#include "serve/report.h"

namespace paceline::anthropic {

namespace {

using Kind = OutputEvent::Kind;

Json typed(const char* type) {
  Json out = Json::object();
  out.set("type", type);
  return out;
}

Json text_block(const std::string& text) {
  Json out = typed("text");
  out.set("text", text);
  return out;
}

// We sign nothing; clients want the field.
Json thinking_block(const std::string& text) {
  Json out = typed("thinking");
  out.set("thinking", text), out.set("signature", "");
  return out;
}

Json call_block(const ToolCall& call, Json input) {
  Json out = typed("tool_use");
  out.set("id", random_id("toolu_")), out.set("name", call.name), out.set("input", std::move(input));
  return out;
}

class Writer : public AnswerWriter {
 public:
  Writer(std::string model, bool stream) : model_(std::move(model)), stream_(stream), id_(random_id("msg_")) {}

  void on_start(Job& job) override {
    if (!stream_) return;
    job.exchange().begin_stream({.content_type = "text/event-stream; charset=utf-8"});
    Json event = typed("message_start");
    event.set("message", message(job, Json::array(), nullptr, nullptr, 0));
    send(job, event);
  }

  void on_delta(Job& job, const Answer& answer) override {
    if (!stream_) return;
    for (const OutputEvent& event : answer.delta().events) send_event(job, event);
  }

  void on_answer_end(Job& job, const Answer& answer) override { on_delta(job, answer); }

  void on_end(Job& job) override {
    const Answer& answer = *job.answers().front();
    if (!stream_) return job.exchange().respond({.body = whole(job, answer).dump()});
    close_block(job);
    Json delta = Json::object(), event = typed("message_delta");
    delta.set("stop_reason", stop_reason(answer)), delta.set("stop_sequence", stop_sequence(answer));
    // Of the whole message: when it began, nobody knew what the cache had of its prompt.
    event.set("delta", std::move(delta)), event.set("usage", usage(job, job.generated_tokens()));
    send(job, event);
    Json stop = typed("message_stop");
    stop.set("timings", timings_json(answer)), stop.set("paceline", speculation_json(answer));
    send(job, stop);
    job.exchange().finish();
  }

  void on_error(Job& job, const std::string& text) override {
    const std::string body = error_body(ApiError(500, text));
    if (!stream_) return job.exchange().respond({.status = 500, .body = body});
    job.exchange().write(cat("event: error\ndata: ", body, "\n\n"));
    job.exchange().finish();
  }

 private:
  static void send(Job& job, const Json& event) {
    job.exchange().write(sse_event(event.at("type").as_string(), event));
  }

  static Json stop_sequence(const Answer& answer) {
    return answer.end() == AnswerEnd::StopString ? Json(answer.stop_string()) : Json();
  }

  static const char* stop_reason(const Answer& answer) {
    switch (answer.end()) {
      case AnswerEnd::ToolCalls: return "tool_use";
      case AnswerEnd::Length: return "max_tokens";
      case AnswerEnd::StopString: return "stop_sequence";
      default: return "end_turn";
    }
  }

  static Json usage(const Job& job, int output_tokens) {
    Json out = Json::object();
    out.set("input_tokens", job.prompt_tokens() - job.cached_tokens());
    out.set("cache_creation_input_tokens", 0), out.set("cache_read_input_tokens", job.cached_tokens());
    out.set("output_tokens", output_tokens);
    return out;
  }

  Json message(const Job& job, Json content, Json reason, Json sequence, int output_tokens) const {
    Json out = Json::object();
    out.set("id", id_), out.set("type", "message"), out.set("role", "assistant"), out.set("model", model_);
    out.set("content", std::move(content)), out.set("stop_reason", std::move(reason));
    out.set("stop_sequence", std::move(sequence)), out.set("usage", usage(job, output_tokens));
    return out;
  }

  Json whole(const Job& job, const Answer& answer) const {
    Json content = Json::array();
    if (!answer.reasoning().empty()) content.push_back(thinking_block(answer.reasoning()));
    if (!answer.text().empty() || answer.calls().empty()) content.push_back(text_block(answer.text()));
    for (const ToolCall& call : answer.calls()) content.push_back(call_block(call, call.arguments));
    Json out = message(job, std::move(content), stop_reason(answer), stop_sequence(answer), job.generated_tokens());
    out.set("timings", timings_json(answer)), out.set("paceline", speculation_json(answer));
    return out;
  }

  void open_block(Job& job, Kind kind, Json block) {
    close_block(job);
    Json event = typed("content_block_start");
    event.set("index", index_), event.set("content_block", std::move(block));
    send(job, event);
    open_ = kind;
  }

  void close_block(Job& job) {
    if (!open_) return;
    Json event = typed("content_block_stop");
    event.set("index", index_++);
    send(job, event);
    open_.reset();
  }

  void send_delta(Job& job, const char* type, const char* field, const std::string& text) const {
    Json delta = typed(type), event = typed("content_block_delta");
    delta.set(field, text);
    event.set("index", index_), event.set("delta", std::move(delta));
    send(job, event);
  }

  void send_event(Job& job, const OutputEvent& event) {
    switch (event.kind) {
      case Kind::Answer:
        if (open_ != Kind::Answer) open_block(job, Kind::Answer, text_block(""));
        return send_delta(job, "text_delta", "text", event.text);
      case Kind::Reasoning:
        if (open_ != Kind::Reasoning) open_block(job, Kind::Reasoning, thinking_block(""));
        return send_delta(job, "thinking_delta", "thinking", event.text);
      case Kind::Call:
        open_block(job, Kind::Call, call_block(event.call, Json::object()));
        send_delta(job, "input_json_delta", "partial_json", event.call.arguments.dump());
        return close_block(job);
    }
  }

  std::string model_;
  bool stream_;
  std::string id_;
  int index_ = 0;
  std::optional<Kind> open_;
};

}  // namespace

std::unique_ptr<AnswerWriter> make_writer(std::string model, bool stream) {
  return std::make_unique<Writer>(std::move(model), stream);
}

}  // namespace paceline::anthropic

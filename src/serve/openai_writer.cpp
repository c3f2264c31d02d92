#include "serve/openai_writer.h"

#include <algorithm>

#include "base/utf8.h"
#include "serve/openai.h"
#include "serve/report.h"

namespace paceline::openai {

namespace {

const char* finish_reason(AnswerEnd end) {
  switch (end) {
    case AnswerEnd::ToolCalls: return "tool_calls";
    case AnswerEnd::Length: return "length";
    default: return "stop";
  }
}

Json usage(const Job& job) {
  Json details = Json::object(), out = Json::object();
  details.set("cached_tokens", job.cached_tokens());
  out.set("prompt_tokens", job.prompt_tokens());
  out.set("completion_tokens", job.generated_tokens());
  out.set("total_tokens", job.prompt_tokens() + job.generated_tokens());
  out.set("prompt_tokens_details", std::move(details));
  return out;
}

Json chat_logprobs(const Job& job, const std::vector<AnswerToken>& tokens) {
  Json out = Json::object();
  out.set("content", logprobs_json(job, tokens)), out.set("refusal", nullptr);
  return out;
}

// OpenAI counts characters.
size_t character_count(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }));
}

Json text_logprobs(const Job& job, const std::vector<AnswerToken>& tokens, size_t offset) {
  Json texts = Json::array(), values = Json::array(), tops = Json::array(), offsets = Json::array(),
       out = Json::object();
  for (const AnswerToken& token : tokens) {
    Json top = Json::object();
    for (const TokenLogprob& other : token.alternatives)
      top.set(replace_invalid_utf8(job.service().tokenizer.piece(other.token)), static_cast<double>(other.logprob));
    texts.push_back(replace_invalid_utf8(token.text)), values.push_back(static_cast<double>(token.logprob));
    tops.push_back(std::move(top)), offsets.push_back(offset);
    offset += character_count(token.text);
  }
  out.set("tokens", std::move(texts)), out.set("token_logprobs", std::move(values));
  out.set("top_logprobs", std::move(tops)), out.set("text_offset", std::move(offsets));
  return out;
}

Json call_json(const ToolCall& call, const std::string& id) {
  Json function = Json::object(), out = Json::object();
  function.set("name", call.name), function.set("arguments", call.arguments.dump());
  out.set("id", id), out.set("type", "function"), out.set("function", std::move(function));
  return out;
}

class Writer : public AnswerWriter {
 public:
  explicit Writer(WriterOptions options)
      : options_(std::move(options)), id_(random_id(options_.chat ? "chatcmpl-" : "cmpl-")), created_(unix_seconds()) {}

  void on_start(Job& job) override {
    if (!options_.stream) return;
    job.exchange().begin_stream({.content_type = "text/event-stream; charset=utf-8"});
    call_counts_.resize(job.answers().size());
    offsets_.resize(job.answers().size());
    for (const auto& answer : job.answers()) {
      if (options_.chat) {
        Json delta = Json::object();
        delta.set("role", "assistant"), delta.set("content", "");
        send(job, chunk(choice_delta(answer->index(), std::move(delta))));
      } else if (options_.echo) {
        send(job, chunk(choice_text(answer->index(), prompt_of(job, *answer))));
      }
    }
  }

  void on_progress(Job& job, const Answer& answer) override {
    if (!options_.stream || !options_.return_progress) return;
    Json out = chunk(options_.chat ? choice_delta(answer.index(), Json::object()) : choice_text(answer.index(), ""));
    out.set("prompt_progress", progress_json(job, answer));
    send(job, out);
  }

  void on_delta(Job& job, const Answer& answer) override {
    if (options_.stream) send_delta(job, answer);
  }

  void on_answer_end(Job& job, const Answer& answer) override {
    if (!options_.stream) return;
    send_delta(job, answer);
    Json choice = options_.chat ? choice_delta(answer.index(), Json::object()) : choice_text(answer.index(), "");
    choice.set("finish_reason", finish_reason(answer.end()));
    Json out = chunk(std::move(choice));
    out.set("timings", timings_json(answer));
    out.set("paceline", speculation_json(answer));
    send(job, out);
  }

  void on_end(Job& job) override {
    if (!options_.stream) return job.exchange().respond({.body = whole(job).dump()});
    if (options_.include_usage) {
      Json out = chunk(nullptr);
      out.set("choices", Json::array());
      out.set("usage", usage(job));
      send(job, out);
    }
    job.exchange().write("data: [DONE]\n\n");
    job.exchange().finish();
  }

  void on_error(Job& job, const std::string& message) override {
    const std::string body = error_body(ApiError(500, message));
    if (!options_.stream) return job.exchange().respond({.status = 500, .body = body});
    job.exchange().write(cat("data: ", body, "\n\n"));
    job.exchange().finish();
  }

 private:
  void send(Job& job, const Json& data) { job.exchange().write(sse_event(data)); }

  Json frame(const char* object) const {
    Json out = Json::object();
    out.set("id", id_), out.set("object", object), out.set("created", created_), out.set("model", options_.model);
    out.set("system_fingerprint", cat("paceline"));
    return out;
  }

  Json chunk(Json choice) const {
    Json out = frame(options_.chat ? "chat.completion.chunk" : "text_completion"), choices = Json::array();
    choices.push_back(std::move(choice));
    out.set("choices", std::move(choices));
    if (options_.include_usage) out.set("usage", nullptr);
    return out;
  }

  static Json choice_delta(int index, Json delta) {
    Json out = Json::object();
    out.set("index", index), out.set("delta", std::move(delta)), out.set("logprobs", nullptr);
    out.set("finish_reason", nullptr);
    return out;
  }

  static Json choice_text(int index, const std::string& text) {
    Json out = Json::object();
    out.set("index", index), out.set("text", text), out.set("logprobs", nullptr), out.set("finish_reason", nullptr);
    return out;
  }

  // One chunk per kind of text; the pass's logprobs and drafts go with the first.
  void send_delta(Job& job, const Answer& answer) {
    const AnswerDelta& delta = answer.delta();
    std::vector<Json> choices;
    for (const OutputEvent& event : delta.events) add_event(answer, event, choices);
    const bool with_logprobs = job.request().top_logprobs >= 0 && !delta.tokens.empty();
    if (choices.empty() && !delta.tokens.empty() &&
        (with_logprobs || options_.show_passes || options_.timings_per_token))
      choices.push_back(options_.chat ? choice_delta(answer.index(), Json::object()) : choice_text(answer.index(), ""));
    bool first = true;
    for (Json& choice : choices) {
      if (first && with_logprobs) choice.set("logprobs", logprobs(job, answer));
      Json out = chunk(std::move(choice));
      if (first && options_.show_passes && !delta.tokens.empty()) out.set("paceline", pass_json(delta));
      if (options_.timings_per_token) out.set("timings", timings_json(answer));
      first = false;
      send(job, out);
    }
  }

  Json logprobs(const Job& job, const Answer& answer) {
    if (options_.chat) return chat_logprobs(job, answer.delta().tokens);
    size_t& offset = offsets_[static_cast<size_t>(answer.index())];
    Json out = text_logprobs(job, answer.delta().tokens, offset);
    for (const AnswerToken& token : answer.delta().tokens) offset += character_count(token.text);
    return out;
  }

  void add_event(const Answer& answer, const OutputEvent& event, std::vector<Json>& choices) {
    if (!options_.chat) return choices.push_back(choice_text(answer.index(), event.text));
    if (event.kind == OutputEvent::Kind::Call) return add_call(answer, event.call, choices);
    Json delta = Json::object();
    delta.set(event.kind == OutputEvent::Kind::Reasoning ? "reasoning_content" : "content", event.text);
    choices.push_back(choice_delta(answer.index(), std::move(delta)));
  }

  // As OpenAI streams a call: its name first, then its arguments as text.
  void add_call(const Answer& answer, const ToolCall& call, std::vector<Json>& choices) {
    const int number = call_counts_[static_cast<size_t>(answer.index())]++;
    Json head = call_json(call, random_id("call_")), function = Json::object();
    const std::string arguments = call.arguments.dump();
    function.set("name", call.name), function.set("arguments", "");
    head.set("index", number), head.set("function", std::move(function));
    add_call_delta(answer, std::move(head), choices);
    constexpr size_t kPiece = 64;
    for (size_t at = 0; at < arguments.size();) {
      size_t end = std::min(at + kPiece, arguments.size());
      while (end < arguments.size() && (static_cast<unsigned char>(arguments[end]) & 0xC0) == 0x80) ++end;
      Json piece = Json::object(), part = Json::object();
      part.set("arguments", arguments.substr(at, end - at));
      piece.set("index", number), piece.set("function", std::move(part));
      add_call_delta(answer, std::move(piece), choices);
      at = end;
    }
  }

  static void add_call_delta(const Answer& answer, Json call, std::vector<Json>& choices) {
    Json list = Json::array(), delta = Json::object();
    list.push_back(std::move(call));
    delta.set("tool_calls", std::move(list));
    choices.push_back(choice_delta(answer.index(), std::move(delta)));
  }

  Json whole(Job& job) const {
    Json out = frame(options_.chat ? "chat.completion" : "text_completion"), choices = Json::array();
    for (const auto& answer : job.answers())
      choices.push_back(options_.chat ? whole_chat(job, *answer) : whole_text(job, *answer));
    out.set("choices", std::move(choices));
    out.set("usage", usage(job));
    out.set("timings", timings_json(*job.answers().front()));
    out.set("paceline", speculation_json(*job.answers().front()));
    return out;
  }

  static Json whole_chat(Job& job, const Answer& answer) {
    Json message = Json::object(), out = Json::object();
    message.set("role", "assistant");
    if (answer.text().empty() && !answer.calls().empty()) message.set("content", nullptr);
    else message.set("content", answer.text());
    if (!answer.reasoning().empty()) message.set("reasoning_content", answer.reasoning());
    if (!answer.calls().empty()) {
      Json calls = Json::array();
      for (const ToolCall& call : answer.calls()) calls.push_back(call_json(call, random_id("call_")));
      message.set("tool_calls", std::move(calls));
    }
    out.set("index", answer.index()), out.set("message", std::move(message));
    out.set("logprobs", job.request().top_logprobs < 0 ? Json() : chat_logprobs(job, answer.tokens()));
    out.set("finish_reason", finish_reason(answer.end()));
    if (job.answers().size() > 1) out.set("paceline", speculation_json(answer));
    return out;
  }

  const std::string& prompt_of(const Job& job, const Answer& answer) const {
    return options_.prompts[static_cast<size_t>(answer.index() / job.request().choices)];
  }

  Json whole_text(Job& job, const Answer& answer) const {
    Json out = Json::object();
    out.set("index", answer.index()), out.set("text", (options_.echo ? prompt_of(job, answer) : "") + answer.text());
    out.set("logprobs", job.request().top_logprobs < 0 ? Json() : text_logprobs(job, answer.tokens(), 0));
    out.set("finish_reason", finish_reason(answer.end()));
    if (job.answers().size() > 1) out.set("paceline", speculation_json(answer));
    return out;
  }

  WriterOptions options_;
  std::string id_;
  int64_t created_;
  std::vector<int> call_counts_;
  std::vector<size_t> offsets_;
};

}  // namespace

std::unique_ptr<AnswerWriter> make_writer(WriterOptions options) {
  return std::make_unique<Writer>(std::move(options));
}

}  // namespace paceline::openai

#include "serve/ollama.h"

#include <array>

#include "base/utf8.h"
#include "serve/api_error.h"
#include "serve/form_fields.h"
#include "serve/formed_job.h"
#include "serve/ollama_models.h"
#include "serve/report.h"
#include "serve/sampling_fields.h"

namespace paceline::ollama {

namespace {

int64_t nanoseconds(double seconds) { return static_cast<int64_t>(seconds * 1e9); }

// Ollama's own names (spec: options), the rest as read_sampling has it.
void read_options(const Fields& fields, const Service& service, CompletionRequest& job) {
  const Json none = Json::object();
  const Json* given = fields.object("options");
  const Fields options(given != nullptr ? *given : none, "options");
  read_sampling(options, service, job);
  job.max_tokens = service.options.max_tokens;
  if (const auto most = options.integer_up_to("num_predict", -2, 1 << 30)) job.max_tokens = static_cast<int>(*most);
  if (job.max_tokens < 0) job.max_tokens = -1;
  if (job.max_tokens == 0) bad_field("options.num_predict", "expected -1 or at least 1, got 0");
  if (const auto drafts = options.integer("draft_num_predict", -1, 1 << 20))
    job.drafts = static_cast<int>(std::min<int64_t>(*drafts, kMaxDrafts));
  job.drafts = read_speculation(fields, job.drafts);
  job.resumable = read_resumable(fields, true);
  if (fields.boolean("logprobs").value_or(false))
    job.top_logprobs = static_cast<int>(fields.integer("top_logprobs", 0, Request::kMostLogprobs).value_or(0));
  static constexpr std::array<std::string_view, 1> kUnsupported = {"images"};
  refuse_unsupported(fields, kUnsupported);
}

std::optional<bool> read_think(const Fields& fields, Json& arguments) {
  const Json* think = fields.find("think");
  if (think == nullptr) return std::nullopt;
  if (think->is_bool()) return think->as_bool();
  const std::string effort = think->is_string() ? think->as_string() : "";
  if (effort != "low" && effort != "medium" && effort != "high" && effort != "max")
    bad_field("think", "expected true, false, low, medium, high or max, got ", think->dump());
  arguments.set("reasoning_effort", effort);
  return true;
}

struct WriterOptions {
  bool chat = true, stream = true;
  std::string model;
};

class Writer : public AnswerWriter {
 public:
  explicit Writer(WriterOptions options) : options_(std::move(options)) {}

  void on_start(Job& job) override {
    if (options_.stream) job.exchange().begin_stream({.content_type = "application/x-ndjson"});
  }
  // One line per kind of text; the logprobs of the pass go with the first, or alone where its text is held back.
  void on_delta(Job& job, const Answer& answer) override {
    if (!options_.stream) return;
    Json logprobs = logprobs_of(job, answer.delta().tokens);
    std::vector<OutputEvent> events = answer.delta().events;
    if (events.empty() && !logprobs.is_null()) events.emplace_back();
    for (const OutputEvent& event : events) {
      Json out = frame();
      put_text(out, event.kind == OutputEvent::Kind::Answer ? event.text : "",
               event.kind == OutputEvent::Kind::Reasoning ? event.text : "",
               event.kind == OutputEvent::Kind::Call ? std::vector{event.call} : std::vector<ToolCall>());
      out.set("done", false);
      if (!logprobs.is_null()) out.set("logprobs", std::exchange(logprobs, nullptr));
      send(job, out);
    }
  }
  void on_answer_end(Job& job, const Answer& answer) override { on_delta(job, answer); }
  void on_end(Job& job) override {
    const Answer& answer = *job.answers().front();
    Json out = frame();
    if (options_.stream) put_text(out, "", "", {});
    else put_text(out, answer.text(), answer.reasoning(), answer.calls());
    out.set("done", true), out.set("done_reason", answer.end() == AnswerEnd::Length ? "length" : "stop");
    put_figures(job, answer, out);
    if (Json logprobs = options_.stream ? Json() : logprobs_of(job, answer.tokens()); !logprobs.is_null())
      out.set("logprobs", std::move(logprobs));
    if (!options_.stream) return job.exchange().respond({.body = out.dump()});
    send(job, out);
    job.exchange().finish();
  }
  void on_error(Job& job, const std::string& message) override {
    const std::string body = error_body(ApiError(500, message));
    if (!options_.stream) return job.exchange().respond({.status = 500, .body = body});
    job.exchange().write(body + "\n");
    job.exchange().finish();
  }

 private:
  static void send(Job& job, const Json& line) { job.exchange().write(line.dump() + "\n"); }

  Json frame() const {
    Json out = Json::object();
    out.set("model", options_.model), out.set("created_at", timestamp());
    return out;
  }

  void put_text(Json& out, const std::string& text, const std::string& thinking,
                const std::vector<ToolCall>& calls) const {
    Json list = Json::array();
    for (size_t i = 0; i < calls.size(); ++i) {
      Json function = Json::object(), call = Json::object();
      function.set("index", i), function.set("name", calls[i].name), function.set("arguments", calls[i].arguments);
      call.set("function", std::move(function));
      list.push_back(std::move(call));
    }
    if (!options_.chat) {
      out.set("response", text);
      if (!thinking.empty()) out.set("thinking", thinking);
      return;
    }
    Json message = Json::object();
    message.set("role", "assistant"), message.set("content", text);
    if (!thinking.empty()) message.set("thinking", thinking);
    if (!calls.empty()) message.set("tool_calls", std::move(list));
    out.set("message", std::move(message));
  }

  static Json logprob(const std::string& text, float value) {
    Json out = Json::object();
    out.set("token", replace_invalid_utf8(text)), out.set("logprob", static_cast<double>(value));
    return out;
  }

  // Null where nobody asked, and for no tokens.
  static Json logprobs_of(const Job& job, const std::vector<AnswerToken>& tokens) {
    if (job.request().top_logprobs < 0 || tokens.empty()) return {};
    Json list = Json::array();
    for (const AnswerToken& token : tokens) {
      Json entry = logprob(token.text, token.logprob), top = Json::array();
      for (const TokenLogprob& other : token.alternatives)
        top.push_back(logprob(job.service().tokenizer.piece(other.token), other.logprob));
      if (job.request().top_logprobs > 0) entry.set("top_logprobs", std::move(top));
      list.push_back(std::move(entry));
    }
    return list;
  }

  static void put_figures(const Job& job, const Answer& answer, Json& out) {
    const RequestStats stats = answer.stats();
    out.set("total_duration", nanoseconds(job.seconds_since_start())), out.set("load_duration", 0);
    out.set("prompt_eval_count", stats.prompt_tokens);
    out.set("prompt_eval_duration", nanoseconds(stats.prompt_seconds));
    out.set("eval_count", stats.generated_tokens), out.set("eval_duration", nanoseconds(stats.generation_seconds));
    out.set("draft_count", stats.speculation.all_drafted());
    out.set("draft_accepted_count", stats.speculation.all_accepted());
    out.set("target_eval_count", stats.speculation.passes);
  }

  WriterOptions options_;
};

WriterOptions writer_options(const Fields& fields, const Service& service, bool chat) {
  return {.chat = chat, .stream = fields.boolean("stream").value_or(true), .model = service.options.model_name};
}

// Arguments of calls are objects here, and thinking has another name.
Json openai_messages(const Json& messages) {
  Json out = Json::array();
  for (const Json& message : messages.as_array()) {
    if (!message.is_object()) bad_field("messages", "expected objects, got ", message.kind());
    static constexpr std::array<std::string_view, 1> kImages = {"images"};
    refuse_unsupported(Fields(message, "messages"), kImages);
    Json copy = message;
    if (const auto thinking = Fields(message, "messages").text("thinking")) copy.set("reasoning_content", *thinking);
    out.push_back(std::move(copy));
  }
  return out;
}

// Only to load or unload: the model is always there.
void answer_at_once(const std::shared_ptr<http::Exchange>& exchange, const WriterOptions& options) {
  Json out = Json::object(), message = Json::object();
  out.set("model", options.model), out.set("created_at", timestamp());
  message.set("role", "assistant"), message.set("content", "");
  if (options.chat) out.set("message", std::move(message));
  else out.set("response", "");
  out.set("done", true), out.set("done_reason", "load");
  exchange->respond({.body = out.dump()});
}

}  // namespace

std::string error_body(const ApiError& error) {
  Json out = Json::object();
  out.set("error", error.what());
  return out.dump();
}

void chat(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange) {
  const Json body = parse_body(request.body);
  const Fields fields(body);
  check_model(fields, service);
  CompletionRequest job;
  read_options(fields, service, job);
  const Json* messages = fields.array("messages");
  if (messages == nullptr || messages->as_array().empty())
    return answer_at_once(exchange, writer_options(fields, service, true));
  ChatSwitches switches;
  switches.thinking = read_think(fields, switches.template_arguments);
  if (const Json* tools = fields.array("tools"); tools != nullptr && !tools->as_array().empty())
    switches.tools = *tools;
  const ChatPrompt prompt = render_chat(service, openai_messages(*messages), switches);
  take_chat(service, prompt, job);
  hold_chat_to_form(service, prompt, read_ollama_format(fields), job);
  start_job(service, std::move(job), exchange, std::make_unique<Writer>(writer_options(fields, service, true)),
            error_body);
}

void generate(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange) {
  const Json body = parse_body(request.body);
  const Fields fields(body);
  check_model(fields, service);
  static constexpr std::array<std::string_view, 3> kUnsupported = {"suffix", "template", "context"};
  refuse_unsupported(fields, kUnsupported);
  CompletionRequest job;
  read_options(fields, service, job);
  const std::string text = fields.text("prompt").value_or("");
  if (text.empty()) return answer_at_once(exchange, writer_options(fields, service, false));
  if (fields.boolean("raw").value_or(false) || service.chat_template == nullptr) {
    job.prompt = text_tokens(service, text);
    hold_text_to_form(read_ollama_format(fields), job);
  } else {
    Json messages = Json::array(), message = Json::object();
    if (const auto system = fields.text("system"); system && !system->empty()) {
      Json first = Json::object();
      first.set("role", "system"), first.set("content", *system);
      messages.push_back(std::move(first));
    }
    message.set("role", "user"), message.set("content", text);
    messages.push_back(std::move(message));
    ChatSwitches switches;
    switches.thinking = read_think(fields, switches.template_arguments);
    const ChatPrompt prompt = render_chat(service, messages, switches);
    take_chat(service, prompt, job);
    hold_chat_to_form(service, prompt, read_ollama_format(fields), job);
  }
  start_job(service, std::move(job), exchange, std::make_unique<Writer>(writer_options(fields, service, false)),
            error_body);
}

void version(Service& service, const http::Request&, const std::shared_ptr<http::Exchange>& exchange) {
  Json out = Json::object();
  out.set("version", service.options.version);
  exchange->respond({.body = out.dump()});
}

// What Ollama's clients look for at the root.
void greeting(Service&, const http::Request&, const std::shared_ptr<http::Exchange>& exchange) {
  exchange->respond({.content_type = "text/plain; charset=utf-8", .body = "Ollama is running"});
}

}  // namespace paceline::ollama

#include "serve/llamacpp.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "serve/api_error.h"
#include "serve/form_fields.h"
#include "serve/formed_job.h"
#include "serve/report.h"
#include "serve/sampling_fields.h"

namespace paceline::llamacpp {

namespace {

Json sampling_json(const SamplingParameters& sampling) {
  Json out = Json::object();
  out.set("temperature", static_cast<double>(sampling.temperature)), out.set("top_k", sampling.top_k);
  out.set("top_p", static_cast<double>(sampling.top_p)), out.set("min_p", static_cast<double>(sampling.min_p));
  out.set("repeat_penalty", static_cast<double>(sampling.repeat_penalty));
  out.set("presence_penalty", static_cast<double>(sampling.presence_penalty));
  out.set("frequency_penalty", static_cast<double>(sampling.frequency_penalty));
  out.set("repeat_last_n", sampling.penalty_window), out.set("seed", sampling.seed);
  return out;
}

// A text, or token ids and texts mixed in an array. Texts alone would be several prompts.
std::vector<Token> mixed_tokens(const Service& service, const Json& prompt) {
  if (prompt.is_string()) return text_tokens(service, prompt.as_string());
  if (!prompt.is_array()) bad_field("prompt", "expected a string or an array, got ", prompt.kind());
  const Json::Array& items = prompt.as_array();
  if (items.size() > 1 && std::all_of(items.begin(), items.end(), [](const Json& item) { return item.is_string(); }))
    bad_field("prompt", "several prompts in a request are not supported here; /v1/completions takes them");
  std::vector<Token> tokens;
  for (const Json& item : items) {
    if (item.is_string()) {
      const std::vector<Token> words =
          tokens.empty() ? text_tokens(service, item.as_string()) : service.tokenizer.encode(item.as_string(), true);
      tokens.insert(tokens.end(), words.begin(), words.end());
      continue;
    }
    const int64_t token = item.is_integer() ? item.as_integer() : -1;
    if (token < 0 || token >= service.tokenizer.vocab_size())
      bad_field("prompt", "expected texts and token ids of 0 to ", service.tokenizer.vocab_size() - 1, ", got ",
                item.dump());
    tokens.push_back(static_cast<Token>(token));
  }
  return tokens;
}

struct CompletionOptions {
  bool stream = false, timings_per_token = false, return_progress = false, show_passes = false, return_tokens = false;
  std::string model, prompt;
};

class CompletionWriter : public AnswerWriter {
 public:
  explicit CompletionWriter(CompletionOptions options) : options_(std::move(options)) {}

  void on_start(Job& job) override {
    if (options_.stream) job.exchange().begin_stream({.content_type = "text/event-stream; charset=utf-8"});
  }
  void on_progress(Job& job, const Answer& answer) override {
    if (!options_.stream || !options_.return_progress) return;
    Json out = part(job, answer, false);
    out.set("prompt_progress", progress_json(job, answer));
    job.exchange().write(sse_event(out));
  }
  void on_delta(Job& job, const Answer& answer) override {
    if (options_.stream) send_delta(job, answer);
  }
  void on_answer_end(Job& job, const Answer& answer) override {
    if (options_.stream && !answer.delta().tokens.empty()) send_delta(job, answer);
  }
  void on_end(Job& job) override {
    const Answer& answer = *job.answers().front();
    if (!options_.stream) return job.exchange().respond({.body = last(job, answer).dump()});
    job.exchange().write(sse_event(last(job, answer)));
    job.exchange().finish();
  }
  void on_error(Job& job, const std::string& message) override {
    const std::string body = error_body(ApiError(500, message));
    if (!options_.stream) return job.exchange().respond({.status = 500, .body = body});
    job.exchange().write(cat("error: ", body, "\n\n"));
    job.exchange().finish();
  }

 private:
  Json part(const Job& job, const Answer& answer, bool stop) const {
    Json out = Json::object(), ids = Json::array();
    std::string text;
    for (const OutputEvent& event : answer.delta().events) text += event.text;
    for (const AnswerToken& token : answer.delta().tokens) ids.push_back(token.id);
    out.set("index", answer.index()), out.set("content", text), out.set("tokens", std::move(ids));
    out.set("stop", stop), out.set("id_slot", -1);
    out.set("tokens_predicted", answer.tokens().size()), out.set("tokens_evaluated", job.prompt_tokens());
    return out;
  }

  void send_delta(Job& job, const Answer& answer) const {
    if (answer.delta().events.empty() && !options_.show_passes && job.request().top_logprobs < 0) return;
    Json out = part(job, answer, false);
    if (job.request().top_logprobs >= 0) out.set("completion_probabilities", probabilities(job, answer.delta().tokens));
    if (options_.show_passes) out.set("paceline", pass_json(answer.delta()));
    if (options_.timings_per_token) out.set("timings", timings_json(answer));
    job.exchange().write(sse_event(out));
  }

  static Json probability(const Job& job, Token id, float logprob) {
    Json out = Json::object(), bytes = Json::array();
    const std::string text = job.service().tokenizer.piece(id);
    for (const char byte : text) bytes.push_back(static_cast<int>(static_cast<unsigned char>(byte)));
    out.set("id", id), out.set("token", replace_invalid_utf8(text)), out.set("bytes", std::move(bytes));
    out.set("logprob", static_cast<double>(logprob));
    return out;
  }

  static Json probabilities(const Job& job, const std::vector<AnswerToken>& tokens) {
    Json list = Json::array();
    for (const AnswerToken& token : tokens) {
      Json entry = probability(job, token.id, token.logprob), top = Json::array();
      for (const TokenLogprob& other : token.alternatives) top.push_back(probability(job, other.token, other.logprob));
      entry.set("top_logprobs", std::move(top));
      list.push_back(std::move(entry));
    }
    return list;
  }

  Json last(Job& job, const Answer& answer) const {
    Json out = part(job, answer, true);
    Json ids = Json::array();
    if (options_.return_tokens)
      for (const AnswerToken& token : answer.tokens()) ids.push_back(token.id);
    // A stream has sent the text already, but for what the end released.
    if (!options_.stream) out.set("content", answer.text());
    else if (!answer.delta().tokens.empty()) out.set("content", "");
    out.set("tokens", std::move(ids));
    const char* kind = answer.end() == AnswerEnd::Length       ? "limit"
                       : answer.end() == AnswerEnd::StopString ? "word"
                                                               : "eos";
    out.set("model", options_.model), out.set("prompt", options_.prompt);
    out.set("generation_settings", sampling_json(job.request().sampling));
    out.set("has_new_line", answer.text().find('\n') != std::string::npos), out.set("truncated", false);
    out.set("stop_type", kind), out.set("stopping_word", answer.stop_string());
    out.set("tokens_cached", job.prompt_tokens() + static_cast<int>(answer.tokens().size()));
    if (!options_.stream && job.request().top_logprobs >= 0)
      out.set("completion_probabilities", probabilities(job, answer.tokens()));
    out.set("timings", timings_json(answer));
    out.set("paceline", speculation_json(answer));
    return out;
  }

  CompletionOptions options_;
};

}  // namespace

std::string error_body(const ApiError& failure) {
  const int status = failure.status();
  const auto& too_long = failure.prompt_too_long();
  const char* type = too_long        ? "exceed_context_size_error"
                     : status == 401 ? "authentication_error"
                     : status == 404 ? "not_found_error"
                     : status == 503 ? "unavailable_error"
                     : status >= 500 ? "server_error"
                                     : "invalid_request_error";
  Json error = Json::object(), out = Json::object();
  error.set("code", status), error.set("message", failure.what()), error.set("type", type);
  if (too_long) error.set("n_prompt_tokens", too_long->tokens), error.set("n_ctx", too_long->context);
  out.set("error", std::move(error));
  return out.dump();
}

void health(Service&, const http::Request&, const std::shared_ptr<http::Exchange>& exchange) {
  exchange->respond({.body = R"({"status":"ok"})"});
}

void props(Service& service, const http::Request&, const std::shared_ptr<http::Exchange>& exchange) {
  const EngineStats stats = service.engine.stats();
  Json out = Json::object(), settings = Json::object(), parameters = sampling_json(service.options.sampling);
  settings.set("id", 0), settings.set("n_ctx", stats.context), settings.set("speculative", stats.max_drafts > 0);
  parameters.set("n_predict", service.options.max_tokens);
  settings.set("params", std::move(parameters));
  out.set("default_generation_settings", std::move(settings));
  out.set("total_slots", stats.slots), out.set("model_alias", service.options.model_name);
  out.set("model_path", service.file.path()), out.set("chat_template", service.template_source);
  const auto piece = [&](Token token) { return token < 0 ? std::string() : service.tokenizer.piece(token, true); };
  out.set("bos_token", piece(service.tokenizer.bos())), out.set("eos_token", piece(service.tokenizer.eos()));
  Json modalities = Json::object();
  modalities.set("vision", false), modalities.set("audio", false);
  out.set("modalities", std::move(modalities));
  out.set("build_info", cat("paceline ", service.options.version));
  exchange->respond({.body = out.dump()});
}

// The engine does not show which request is in which slot; slots are numbered as if the running ones came first.
void slots(Service& service, const http::Request&, const std::shared_ptr<http::Exchange>& exchange) {
  const EngineStats stats = service.engine.stats();
  Json out = Json::array();
  for (int i = 0; i < stats.slots; ++i) {
    Json slot = Json::object();
    slot.set("id", i), slot.set("n_ctx", stats.context), slot.set("speculative", stats.max_drafts > 0);
    slot.set("is_processing", i < stats.running);
    out.push_back(std::move(slot));
  }
  exchange->respond({.body = out.dump()});
}

void tokenize(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange) {
  const Json body = parse_body(request.body);
  const Fields fields(body);
  const std::string content = fields.required_text("content");
  const Tokenizer& tokenizer = service.tokenizer;
  std::vector<Token> tokens;
  if (fields.boolean("add_special").value_or(false) && tokenizer.add_bos() && tokenizer.bos() >= 0)
    tokens.push_back(tokenizer.bos());
  const std::vector<Token> words = tokenizer.encode(content, fields.boolean("parse_special").value_or(true));
  tokens.insert(tokens.end(), words.begin(), words.end());
  const bool with_pieces = fields.boolean("with_pieces").value_or(false);
  Json list = Json::array(), out = Json::object();
  for (const Token token : tokens) {
    if (!with_pieces) {
      list.push_back(token);
      continue;
    }
    const std::string piece = tokenizer.piece(token, true);
    Json item = Json::object(), bytes = Json::array();
    for (const char byte : piece) bytes.push_back(static_cast<int>(static_cast<unsigned char>(byte)));
    item.set("id", token), item.set("piece", is_valid_utf8(piece) ? Json(piece) : std::move(bytes));
    list.push_back(std::move(item));
  }
  out.set("tokens", std::move(list));
  exchange->respond({.body = out.dump()});
}

void detokenize(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange) {
  const Json body = parse_body(request.body);
  const Json* tokens = Fields(body).array("tokens");
  if (tokens == nullptr) bad_field("tokens", "expected an array of token ids, but it is missing");
  std::string text;
  for (const Json& item : tokens->as_array()) {
    const int64_t token = item.is_integer() ? item.as_integer() : -1;
    if (token < 0 || token >= service.tokenizer.vocab_size())
      bad_field("tokens", "expected token ids of 0 to ", service.tokenizer.vocab_size() - 1, ", got ", item.dump());
    text += service.tokenizer.piece(static_cast<Token>(token), true);
  }
  Json out = Json::object();
  out.set("content", replace_invalid_utf8(text));
  exchange->respond({.body = out.dump()});
}

void apply_template(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange) {
  const Json body = parse_body(request.body);
  Json out = Json::object();
  out.set("prompt", read_chat(Fields(body), service).text);
  exchange->respond({.body = out.dump()});
}

void completion(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange) {
  const Json body = parse_body(request.body);
  const Fields fields(body);
  static constexpr std::array<std::string_view, 6> kUnsupported = {"grammar_lazy", "grammar_triggers", "image_data",
                                                                   "samplers",     "response_fields",  "lora"};
  refuse_unsupported(fields, kUnsupported);
  CompletionRequest job;
  read_sampling(fields, service, job);
  job.max_tokens =
      static_cast<int>(fields.integer_up_to("n_predict", -1, 1 << 30).value_or(service.options.max_tokens));
  if (job.max_tokens == 0) bad_field("n_predict", "expected -1 or at least 1, got 0");
  if (const auto count = fields.integer("n_probs", 0, Request::kMostLogprobs); count.value_or(0) > 0)
    job.top_logprobs = static_cast<int>(*count);
  const Json* prompt = fields.find("prompt");
  if (prompt == nullptr) bad_field("prompt", "expected a string or an array, but it is missing");
  job.prompt = mixed_tokens(service, *prompt);
  if (job.prompt.empty()) bad_field("prompt", "expected at least one token");
  CompletionOptions options;
  options.model = service.options.model_name;
  options.prompt = prompt->is_string() ? prompt->as_string() : service.tokenizer.decode(job.prompt, true);
  options.stream = fields.boolean("stream").value_or(false);
  options.timings_per_token = fields.boolean("timings_per_token").value_or(false);
  options.return_progress = fields.boolean("return_progress").value_or(false);
  options.show_passes = fields.boolean("show_passes").value_or(false);
  options.return_tokens = fields.boolean("return_tokens").value_or(false);
  hold_text_to_form(read_content_form(fields), job);
  start_job(service, std::move(job), exchange, std::make_unique<CompletionWriter>(std::move(options)), error_body);
}

}  // namespace paceline::llamacpp

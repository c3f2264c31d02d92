#include "serve/openai.h"

#include <array>

#include "serve/api_error.h"
#include "serve/form_fields.h"
#include "serve/formed_job.h"
#include "serve/openai_writer.h"
#include "serve/report.h"
#include "serve/sampling_fields.h"

namespace paceline::openai {

namespace {

constexpr int64_t kMostTokens = 1 << 30;
constexpr size_t kMostPrompts = 64;  // of one request

void read_limits(const Fields& fields, const Service& service, CompletionRequest& request) {
  request.max_tokens = service.options.max_tokens;
  for (const std::string_view name : {"n_predict", "max_tokens", "max_completion_tokens"})
    if (const auto most = fields.integer_up_to(name, -1, kMostTokens)) request.max_tokens = static_cast<int>(*most);
  if (request.max_tokens == 0) bad_field("max_tokens", "expected at least 1, got 0");
  request.choices = static_cast<int>(fields.integer("n", 1, service.options.most_choices).value_or(1));
}

WriterOptions read_writer(const Fields& fields, const Service& service) {
  WriterOptions options;
  options.model = service.options.model_name;
  options.stream = fields.boolean("stream").value_or(false);
  if (const Json* stream = fields.object("stream_options"))
    options.include_usage = Fields(*stream, "stream_options").boolean("include_usage").value_or(false);
  options.timings_per_token = fields.boolean("timings_per_token").value_or(false);
  options.return_progress = fields.boolean("return_progress").value_or(false);
  options.show_passes = fields.boolean("show_passes").value_or(false);
  return options;
}

void refuse_what_we_cannot(const Fields& fields) {
  static constexpr std::array<std::string_view, 7> kNames = {
      "grammar_lazy", "grammar_triggers", "functions", "function_call", "audio", "prediction", "draft_model"};
  if (const Json* modalities = fields.find("modalities"))
    if (modalities->dump() != "[\"text\"]") bad_field("modalities", "expected [\"text\"], got ", modalities->dump());
  for (const std::string_view name : kNames) refuse_unsupported(fields, std::array{name});
}

std::vector<Token> token_list(const Service& service, const Json& list) {
  std::vector<Token> tokens;
  for (const Json& item : list.as_array()) {
    const int64_t token = item.is_integer() ? item.as_integer() : -1;
    if (token < 0 || token >= service.tokenizer.vocab_size())
      bad_field("prompt", "expected token ids of 0 to ", service.tokenizer.vocab_size() - 1, ", got ", item.dump());
    tokens.push_back(static_cast<Token>(token));
  }
  return tokens;
}

void add_prompt(const Service& service, const Json& prompt, CompletionRequest& request, WriterOptions& options) {
  if (!prompt.is_string() && !prompt.is_array())
    bad_field("prompt", "expected a text, token ids, or an array of these, got ", prompt.kind());
  std::vector<Token> tokens =
      prompt.is_string() ? text_tokens(service, prompt.as_string()) : token_list(service, prompt);
  if (tokens.empty()) bad_field("prompt", "expected at least one token");
  options.prompts.push_back(prompt.is_string() ? prompt.as_string() : service.tokenizer.decode(tokens));
  if (request.prompt.empty()) request.prompt = std::move(tokens);
  else request.more_prompts.push_back(std::move(tokens));
}

// A text, token ids, or an array of these.
void read_prompts(const Fields& fields, const Service& service, CompletionRequest& request, WriterOptions& options) {
  const Json* prompt = fields.find("prompt");
  if (prompt == nullptr) bad_field("prompt", "expected a text or an array of token ids, but it is missing");
  const bool is_one = !prompt->is_array() || prompt->as_array().empty() || prompt->as_array()[0].is_number();
  if (is_one) return add_prompt(service, *prompt, request, options);
  if (const size_t count = prompt->as_array().size(); count > kMostPrompts)
    bad_field("prompt", "expected at most ", kMostPrompts, " prompts, got ", count);
  for (const Json& item : prompt->as_array()) add_prompt(service, item, request, options);
}

}  // namespace

std::string error_body(const ApiError& failure) {
  const int status = failure.status();
  const char* type = status == 401   ? "authentication_error"
                     : status == 404 ? "not_found_error"
                     : status == 503 ? "overloaded_error"
                     : status >= 500 ? "server_error"
                                     : "invalid_request_error";
  Json error = Json::object(), out = Json::object();
  error.set("message", failure.what()), error.set("type", type);
  error.set("param", failure.parameter().empty() ? Json() : Json(failure.parameter()));
  error.set("code", failure.prompt_too_long() ? Json("context_length_exceeded") : Json(status));
  out.set("error", std::move(error));
  return out.dump();
}

void chat_completions(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange) {
  const Json body = parse_body(request.body);
  const Fields fields(body);
  CompletionRequest job;
  read_sampling(fields, service, job);
  read_limits(fields, service, job);
  refuse_what_we_cannot(fields);
  const auto top = fields.integer("top_logprobs", 0, Request::kMostLogprobs);
  if (fields.boolean("logprobs").value_or(false)) job.top_logprobs = static_cast<int>(top.value_or(0));
  else if (top) bad_field("top_logprobs", "needs logprobs: true");
  const ChatPrompt prompt = read_chat(fields, service);
  take_chat(service, prompt, job);
  hold_chat_to_form(service, prompt, read_content_form(fields), job);
  start_job(service, std::move(job), exchange, make_writer(read_writer(fields, service)), error_body);
}

void completions(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange) {
  const Json body = parse_body(request.body);
  const Fields fields(body);
  CompletionRequest job;
  read_sampling(fields, service, job);
  read_limits(fields, service, job);
  refuse_what_we_cannot(fields);
  refuse_unsupported(fields, std::array<std::string_view, 1>{"suffix"});
  if (fields.integer("best_of", 1, 1 << 20).value_or(1) != job.choices && fields.has("best_of"))
    bad_field("best_of", "expected n or nothing");
  if (const auto top = fields.integer("logprobs", 0, Request::kMostLogprobs)) job.top_logprobs = static_cast<int>(*top);
  WriterOptions options = read_writer(fields, service);
  options.chat = false;
  options.echo = fields.boolean("echo").value_or(false);
  if (options.echo && job.top_logprobs >= 0)
    bad_field("logprobs", "with echo they would be those of the prompt, too, which this server does not compute");
  read_prompts(fields, service, job, options);
  hold_text_to_form(read_content_form(fields), job);
  start_job(service, std::move(job), exchange, make_writer(std::move(options)), error_body);
}

void models(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange) {
  Json model = Json::object(), meta = Json::object();
  model.set("id", service.options.model_name), model.set("object", "model");
  model.set("created", std::chrono::duration_cast<std::chrono::seconds>(service.started.time_since_epoch()).count());
  model.set("owned_by", "paceline");
  meta.set("n_vocab", service.tokenizer.vocab_size()), meta.set("n_ctx", service.engine.stats().context);
  model.set("meta", std::move(meta));
  static constexpr std::string_view kOne = "/v1/models/";
  if (request.path.starts_with(kOne)) {
    if (request.path.substr(kOne.size()) != service.options.model_name)
      throw ApiError(
          404, cat("there is no model ", request.path.substr(kOne.size()), ", expected ", service.options.model_name));
    return exchange->respond({.body = model.dump()});
  }
  Json list = Json::array(), out = Json::object();
  list.push_back(std::move(model));
  out.set("object", "list"), out.set("data", std::move(list));
  exchange->respond({.body = out.dump()});
}

}  // namespace paceline::openai

#include "serve/report.h"

#include <chrono>

#include "base/random.h"
#include "base/utf8.h"

namespace paceline {

namespace {

double quotient(double a, double b) { return b > 0 ? a / b : 0; }

Json byte_list(const std::string& text) {
  Json out = Json::array();
  for (const char byte : text) out.push_back(static_cast<int>(static_cast<unsigned char>(byte)));
  return out;
}

Json logprob_entry(const std::string& text, float logprob) {
  Json out = Json::object();
  out.set("token", replace_invalid_utf8(text));
  out.set("logprob", static_cast<double>(logprob));
  out.set("bytes", byte_list(text));
  return out;
}

}  // namespace

Json timings_json(const Answer& answer) {
  const RequestStats stats = answer.stats();
  const double prompt_ms = stats.prompt_seconds * 1e3, predicted_ms = stats.generation_seconds * 1e3;
  const int computed = stats.prompt_tokens - stats.cached_tokens, made = stats.generated_tokens;
  // The first token comes out of the prompt's last pass, so generation_seconds is the time of the others.
  const int timed = std::max(made - 1, 0);
  Json out = Json::object();
  out.set("cache_n", stats.cached_tokens);
  out.set("prompt_n", computed);
  out.set("prompt_ms", prompt_ms);
  out.set("prompt_per_token_ms", quotient(prompt_ms, computed));
  out.set("prompt_per_second", quotient(computed, stats.prompt_seconds));
  out.set("predicted_n", made);
  out.set("predicted_ms", predicted_ms);
  out.set("predicted_per_token_ms", quotient(predicted_ms, timed));
  out.set("predicted_per_second", quotient(timed, stats.generation_seconds));
  out.set("draft_n", stats.speculation.all_drafted());
  out.set("draft_n_accepted", stats.speculation.all_accepted());
  return out;
}

Json speculation_json(const Answer& answer) {
  const SequenceStats stats = answer.stats().speculation;
  Json drafted = Json::array(), accepted = Json::array(), from_drafts = Json::array();
  for (size_t i = 0; i < stats.drafted.size() && stats.drafted[i] > 0; ++i)
    drafted.push_back(stats.drafted[i]), accepted.push_back(stats.accepted[i]);
  for (size_t i = 0; i < answer.tokens().size(); ++i)
    if (answer.tokens()[i].from_draft) from_drafts.push_back(i);
  Json out = Json::object();
  out.set("passes", stats.passes);
  out.set("tokens_per_pass", quotient(static_cast<double>(stats.generated), static_cast<double>(stats.passes)));
  out.set("drafted", std::move(drafted));
  out.set("accepted", std::move(accepted));
  out.set("copied", stats.lookup_drafted), out.set("copied_accepted", stats.lookup_accepted);
  out.set("draft_tokens", std::move(from_drafts));
  return out;
}

Json pass_json(const AnswerDelta& delta) {
  Json tokens = Json::array(), drafted = Json::array(), pass = Json::object(), out = Json::object();
  for (const AnswerToken& token : delta.tokens) {
    Json item = Json::object();
    item.set("text", token.text), item.set("draft", token.from_draft);
    tokens.push_back(std::move(item));
  }
  for (const std::string& text : delta.drafted) drafted.push_back(text);
  pass.set("drafted", std::move(drafted)), pass.set("copied", delta.copied);
  pass.set("accepted", delta.accepted);
  out.set("tokens", std::move(tokens)), out.set("pass", std::move(pass));
  return out;
}

Json logprobs_json(const Job& job, const std::vector<AnswerToken>& tokens) {
  Json out = Json::array();
  for (const AnswerToken& token : tokens) {
    Json entry = logprob_entry(token.text, token.logprob), top = Json::array();
    for (const TokenLogprob& other : token.alternatives)
      top.push_back(logprob_entry(job.service().tokenizer.piece(other.token), other.logprob));
    entry.set("top_logprobs", std::move(top));
    out.push_back(std::move(entry));
  }
  return out;
}

Json progress_json(const Job& job, const Answer& answer) {
  Json out = Json::object();
  out.set("total", answer.progress().prompt_total);
  out.set("cache", answer.progress().prompt_cached);
  out.set("processed", answer.progress().prompt_done);
  out.set("time_ms", static_cast<int64_t>(job.seconds_since_start() * 1e3));
  return out;
}

std::string sse_event(const Json& data) { return cat("data: ", data.dump(), "\n\n"); }

std::string sse_event(std::string_view name, const Json& data) {
  return cat("event: ", name, "\ndata: ", data.dump(), "\n\n");
}

std::string random_id(std::string_view prefix) {
  static constexpr std::string_view kLetters = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::string out(prefix);
  for (int half = 0; half < 2; ++half) {
    uint64_t word = system_seed();
    for (int i = 0; i < 12; ++i, word /= kLetters.size()) out += kLetters[word % kLetters.size()];
  }
  return out;
}

int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace paceline

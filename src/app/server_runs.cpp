#include "app/server_runs.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "base/json.h"
#include "serve/http/client.h"

namespace paceline {

namespace {

using Clock = std::chrono::steady_clock;

// Through a server only an instruction makes a model copy, which a small one may not follow.
constexpr const char* kCopied =
    "In a paceline each rider in turn faces the wind and then drifts to the back of the row. The rider in front does "
    "most of "
    "the work, and those behind save about a third of theirs, so that the row as a whole rides faster than any of them "
    "could alone. Turns are short, a minute or less, and nobody accelerates when the front becomes theirs: the row "
    "would "
    "tear. What matters is an even speed, a straight line and a hand signal for every hole in the road.";

struct Peer {
  http::Url url;
  std::string model, api_key;
};

struct ServerAnswer {
  int prompt_tokens = 0, tokens = 0, chunks = 0;
  double first_s = 0, rest_s = 0;  // to the first token; from there to the last
  double passes = 0;  // 0: the server does not say
};

double seconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

std::string path_of(const http::Url& url, const char* endpoint) {
  return cat(url.path.ends_with("/v1") ? "" : "/v1", endpoint);
}

// -m names the model; else the server's first.
std::string model_of(const Peer& peer, const Arguments& arguments) {
  if (const auto name = arguments.text("model")) return *name;
  std::string text;
  http::exchange_lines(peer.url, {"GET", path_of(peer.url, "/models"), "", peer.api_key},
                       [&](std::string_view line) { text += line; });
  const Json models = Json::parse(text, cat(peer.url.name(), "/v1/models"));
  const Json* data = models.find("data");
  if (data == nullptr || !data->is_array() || data->as_array().empty())
    fail(peer.url.name(), " lists no model; name one with -m");
  return data->as_array()[0].at("id").as_string();
}

bool has_text(const Json& delta) {
  for (const char* const key : {"content", "reasoning_content", "reasoning"})
    if (const Json* text = delta.find(key); text != nullptr && text->is_string() && !text->as_string().empty())
      return true;
  return false;
}

int whole(const Json& object, const char* key) {
  const Json* value = object.find(key);
  return value != nullptr && value->is_number() ? static_cast<int>(value->as_number()) : 0;
}

class StreamReader {
 public:
  explicit StreamReader(std::string source) : source_(std::move(source)) {}

  void take(std::string_view line) {
    constexpr std::string_view kData = "data:";
    if (!line.starts_with(kData)) return;
    line.remove_prefix(kData.size());
    if (line.find("[DONE]") != std::string_view::npos) return;
    const Json chunk = Json::parse(line, source_);
    if (const Json* error = chunk.find("error")) fail(source_, ": ", error->dump());
    const Json* choices = chunk.find("choices");
    if (choices != nullptr && choices->is_array() && !choices->as_array().empty()) {
      const Json* delta = choices->as_array()[0].find("delta");
      if (delta != nullptr && has_text(*delta)) note_text();
    }
    if (const Json* usage = chunk.find("usage"); usage != nullptr && usage->is_object()) {
      answer_.prompt_tokens = whole(*usage, "prompt_tokens");
      answer_.tokens = whole(*usage, "completion_tokens");
    }
    if (const Json* timings = chunk.find("timings"); timings != nullptr && timings->find("draft_n_accepted") != nullptr)
      answer_.passes = std::max(0, whole(*timings, "predicted_n") - 1 - whole(*timings, "draft_n_accepted"));
  }

  ServerAnswer finish() {
    if (answer_.chunks == 0) fail(source_, ": the answer holds no text");
    if (answer_.tokens == 0) answer_.tokens = answer_.chunks;
    answer_.first_s = seconds(start_, first_);
    answer_.rest_s = seconds(first_, last_);
    return answer_;
  }

 private:
  void note_text() {
    last_ = Clock::now();
    if (answer_.chunks++ == 0) first_ = last_;
  }

  std::string source_;
  ServerAnswer answer_;
  Clock::time_point start_ = Clock::now(), first_, last_;
};

ServerAnswer ask(const Peer& peer, const std::string& question, int tokens) {
  Json message = Json::object(), body = Json::object(), options = Json::object(), thinking = Json::object();
  message.set("role", "user"), message.set("content", question);
  body.set("model", peer.model), body.set("messages", Json(Json::Array{message}));
  body.set("stream", true), options.set("include_usage", true), body.set("stream_options", options);
  body.set("temperature", 0), body.set("max_tokens", tokens), body.set("cache_prompt", false);
  thinking.set("enable_thinking", false), body.set("chat_template_kwargs", thinking);
  const std::string path = path_of(peer.url, "/chat/completions");
  StreamReader reader(peer.url.name() + path);
  http::exchange_lines(peer.url, {"POST", path, body.dump(), peer.api_key},
                       [&](std::string_view line) { reader.take(line); });
  return reader.finish();
}

// All questions of a task in one.
ServerAnswer ask_all(const Peer& peer, const SpeedQuestions& task, int tokens) {
  ServerAnswer sum;
  for (const std::string& question : task.texts) {
    const ServerAnswer answer = ask(peer, question, tokens);
    sum.prompt_tokens += answer.prompt_tokens, sum.tokens += answer.tokens - 1, sum.chunks += answer.chunks;
    sum.first_s += answer.first_s, sum.rest_s += answer.rest_s, sum.passes += answer.passes;
  }
  return sum;
}

void note(const ServerAnswer& answer, double first_rate, SpeedResult& result) {
  const double rate = answer.rest_s > 0 ? answer.tokens / answer.rest_s : 0;
  result.prompt_tokens = answer.prompt_tokens, result.tokens = answer.tokens;
  result.tokens_per_s.values.push_back(rate);
  result.prompt_tokens_per_s.values.push_back(answer.first_s > 0 ? answer.prompt_tokens / answer.first_s : 0);
  result.speed_up.values.push_back(first_rate > 0 ? rate / first_rate : 1);
  result.tokens_per_pass = answer.passes > 0 ? answer.tokens / answer.passes : 0;
}

}  // namespace

SpeedReport run_servers(const Arguments& arguments, const SpeedOptions& options,
                        const std::function<void(double)>& progress) {
  SpeedReport report{"the same questions", "through HTTP", options.repetitions, false, {}, {}, {}, {}};
  std::vector<Peer> peers;
  for (const std::string& text : arguments.texts("server")) {
    Peer peer{http::parse_url(text), "", arguments.text("api_key").value_or("")};
    peer.model = model_of(peer, arguments);
    report.modes.push_back(cat(peer.model, " at ", peer.url.name()));
    peers.push_back(std::move(peer));
  }
  std::vector<SpeedQuestions> tasks =
      options.suite.empty() ? everyday_questions() : suite_questions(options.suite, options.questions);
  if (options.suite.empty())
    tasks.push_back({"copy", {cat("Repeat this text word for word, without a comment:\n\n", kCopied)}});
  for (const SpeedQuestions& task : tasks) {
    report.tasks.push_back(task.name);
    for (const std::string& mode : report.modes) {
      report.results.emplace_back();
      report.results.back().task = task.name, report.results.back().mode = mode;
    }
  }
  for (const Peer& peer : peers) ask(peer, tasks[0].texts[0], 8);  // not counted: models load, caches fill
  const double total = static_cast<double>(report.results.size()) * options.repetitions;
  double done = 0;
  for (int repetition = 0; repetition < options.repetitions; ++repetition)
    for (size_t task = 0; task < tasks.size(); ++task) {
      double first_rate = 0;
      for (size_t peer = 0; peer < peers.size(); ++peer) {
        SpeedResult& result = report.results[task * peers.size() + peer];
        note(ask_all(peers[peer], tasks[task], options.tokens), first_rate, result);
        if (peer == 0) first_rate = result.tokens_per_s.values.back();
        progress(++done / total);
      }
    }
  return report;
}

}  // namespace paceline

#include "serve/server.h"

#include <array>

#include "serve/anthropic.h"
#include "serve/llamacpp.h"
#include "serve/ollama.h"
#include "serve/openai.h"
#include "serve/page.h"
#include "serve/refusal.h"
#include "serve/responses.h"
#include "serve/streams.h"

namespace paceline {

namespace {

using Endpoint = void (*)(Service&, const http::Request&, const std::shared_ptr<http::Exchange>&);

enum class Where { Listener, Worker };  // what is quick answers at once, whatever else is going on

struct Route {
  std::string_view method, path;  // a path that ends with / stands for all that begin so
  Endpoint endpoint;
  ErrorBody error_body;
  bool needs_key = true;
  Where where = Where::Worker;
};

// clang-format off: rows of a table
constexpr Route kRoutes[] = {
    {"POST", "/v1/chat/completions", openai::chat_completions, openai::error_body, true, Where::Worker},
    {"POST", "/chat/completions", openai::chat_completions, openai::error_body, true, Where::Worker},
    {"POST", "/v1/completions", openai::completions, openai::error_body, true, Where::Worker},
    {"POST", "/v1/responses", responses::create, openai::error_body, true, Where::Worker},
    {"GET", "/v1/models", openai::models, openai::error_body, true, Where::Listener},
    {"GET", "/models", openai::models, openai::error_body, true, Where::Listener},
    {"GET", "/v1/models/", openai::models, openai::error_body, true, Where::Listener},

    {"GET", "/v1/streams/", streams::attach, openai::error_body, true, Where::Worker},
    {"DELETE", "/v1/streams/", streams::remove, openai::error_body, true, Where::Worker},

    {"POST", "/v1/messages", anthropic::messages, anthropic::error_body, true, Where::Worker},
    {"POST", "/v1/messages/count_tokens", anthropic::count_tokens, anthropic::error_body, true, Where::Worker},

    {"POST", "/api/generate", ollama::generate, ollama::error_body, true, Where::Worker},
    {"POST", "/api/chat", ollama::chat, ollama::error_body, true, Where::Worker},
    {"GET", "/api/tags", ollama::tags, ollama::error_body, true, Where::Listener},
    {"GET", "/api/ps", ollama::running, ollama::error_body, true, Where::Listener},
    {"POST", "/api/show", ollama::show, ollama::error_body, true, Where::Worker},
    {"GET", "/api/version", ollama::version, ollama::error_body, false, Where::Listener},
    {"GET", "/", page::root, ollama::error_body, false, Where::Listener},

    {"GET", "/health", llamacpp::health, llamacpp::error_body, false, Where::Listener},
    {"GET", "/v1/health", llamacpp::health, llamacpp::error_body, false, Where::Listener},
    {"GET", "/props", llamacpp::props, llamacpp::error_body, true, Where::Listener},
    {"GET", "/slots", llamacpp::slots, llamacpp::error_body, true, Where::Listener},
    {"POST", "/tokenize", llamacpp::tokenize, llamacpp::error_body, true, Where::Worker},
    {"POST", "/detokenize", llamacpp::detokenize, llamacpp::error_body, true, Where::Worker},
    {"POST", "/apply-template", llamacpp::apply_template, llamacpp::error_body, true, Where::Worker},
    {"POST", "/completion", llamacpp::completion, llamacpp::error_body, true, Where::Worker},
    {"POST", "/completions", llamacpp::completion, llamacpp::error_body, true, Where::Worker},
};
// clang-format on

// For what is at no path of the table, by the API that it looks like.
ErrorBody error_body_of(std::string_view path) {
  if (path.starts_with("/api/")) return ollama::error_body;
  return path.starts_with("/v1/messages") ? anthropic::error_body : openai::error_body;
}

// Endpoints of the APIs that are not there, with what to say instead of nothing.
constexpr std::pair<std::string_view, std::string_view> kMissing[] = {
    {"/v1/embeddings", "this server has no embeddings"},
    {"/embedding", "this server has no embeddings"},
    {"/embeddings", "this server has no embeddings"},
    {"/api/embed", "this server has no embeddings"},
    {"/api/embeddings", "this server has no embeddings"},
    {"/api/pull", "this server has the one model that it was started with, and fetches no other"},
    {"/infill", "this server fills nothing in between; /completion continues a text"},
};

std::string_view missing(std::string_view path) {
  for (const auto& [name, words] : kMissing)
    if (name == path) return words;
  return "there is nothing at this path";
}

bool matches(const Route& route, std::string_view path) {
  return route.path == path || (route.path.size() > 1 && route.path.ends_with('/') && path.starts_with(route.path));
}

bool method_fits(const Route& route, std::string_view method) {
  return route.method == method || (route.method == "GET" && method == "HEAD");
}

// Takes as long for a wrong key as for the right one.
bool equal_keys(std::string_view given, std::string_view key) {
  unsigned difference = given.size() == key.size() ? 0 : 1;
  for (size_t i = 0; i < key.size(); ++i)
    difference |= static_cast<unsigned char>(key[i]) ^ static_cast<unsigned char>(i < given.size() ? given[i] : 0);
  return difference == 0;
}

std::string_view key_of(const http::Request& request) {
  const std::string_view authorization = request.header("authorization");
  const size_t space = authorization.find(' ');
  if (space != std::string_view::npos && equal_ignoring_case(authorization.substr(0, space), "bearer"))
    return authorization.substr(std::min(authorization.find_first_not_of(' ', space), authorization.size()));
  return request.header("x-api-key");
}

// Notes the status and the time of an answer in the log and the metrics as it goes out.
class LoggedExchange : public http::Exchange {
 public:
  LoggedExchange(std::shared_ptr<http::Exchange> inner, const http::Request& request, std::string route,
                 Metrics& metrics, const std::function<void(const std::string&)>& log)
      : inner_(std::move(inner)),
        what_(cat("#", request.id, " ", request.method, " ", route)),
        route_(std::move(route)),
        metrics_(metrics),
        log_(log) {}

  void respond(http::Response response) override {
    note(response.status, "");
    add_headers(response);
    inner_->respond(std::move(response));
  }
  void begin_stream(http::Response head) override {
    status_ = head.status;
    add_headers(head);
    inner_->begin_stream(std::move(head));
  }
  void write(std::string bytes) override { inner_->write(std::move(bytes)); }
  void finish() override {
    note(status_, "");
    inner_->finish();
  }
  size_t waiting_bytes() const override { return inner_->waiting_bytes(); }
  void watch(std::function<void()> on_closed, std::function<void()> on_drained) override {
    inner_->watch(
        [this, on_closed = std::move(on_closed), self = weak_.lock()] {
          note(status_, ", client left");
          if (on_closed) on_closed();
        },
        std::move(on_drained));
  }
  std::weak_ptr<LoggedExchange> weak_;
  http::Headers more_headers_;

 private:
  void add_headers(http::Response& response) const {
    response.headers.insert(response.headers.end(), more_headers_.begin(), more_headers_.end());
  }
  void note(int status, std::string_view remark) {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    metrics_.count_request(route_, status);
    if (log_) log_(cat(what_, " ", status, " ", fixed(seconds * 1e3, 0), " ms", remark));
  }

  std::shared_ptr<http::Exchange> inner_;
  std::string what_, route_;
  Metrics& metrics_;
  const std::function<void(const std::string&)>& log_;
  int status_ = 200;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void run_endpoint(const Route& route, Service& service, const http::Request& request,
                  const std::shared_ptr<http::Exchange>& exchange) {
  answer_errors(*exchange, route.error_body, [&] { route.endpoint(service, request, exchange); });
}

http::ListenerOptions with_error_body(http::ListenerOptions options) {
  options.error_body = [](std::string_view path, int status, const std::string& message) {
    return error_body_of(path)(ApiError(status, message));
  };
  return options;
}

}  // namespace

Server::Server(Service& service, ServerOptions options)
    : service_(service),
      options_(std::move(options)),
      cross_origin_(options_.allowed_origins),
      listener_(with_error_body(options_.listener),
                [this](http::Request request, std::shared_ptr<http::Exchange> exchange) {
                  take(std::move(request), std::move(exchange));
                }) {}

Server::~Server() = default;

void Server::run() {
  listener_.run([this] {
    if (options_.log) options_.log("stopping: answers under way are finished first; once more to stop at once");
  });
  // What still runs has no client any more.
  service_.worker.post([this] { service_.streams.close(); });
  service_.worker.flush();
  service_.worker.flush();  // what closing has posted
}

bool Server::is_allowed(const http::Request& request) const {
  if (options_.api_keys.empty()) return true;
  const std::string_view given = key_of(request);
  bool allowed = false;
  for (const std::string& key : options_.api_keys) allowed |= equal_keys(given, key);
  return allowed;
}

void Server::log_body(const http::Request& request) const {
  constexpr size_t kMost = 4096;
  if (!options_.log_bodies || !options_.log || request.body.empty()) return;
  const std::string rest = request.body.size() > kMost ? cat(" and ", request.body.size() - kMost, " bytes") : "";
  options_.log(cat("#", request.id, " body ", Json(request.body.substr(0, kMost)).dump(), rest));
}

void Server::metrics_page(const std::shared_ptr<http::Exchange>& exchange) {
  exchange->respond(
      {.content_type = "text/plain; version=0.0.4; charset=utf-8",
       .body = service_.metrics.page(service_.engine.stats(), service_.streams, listener_.open_connections())});
}

void Server::take(http::Request request, std::shared_ptr<http::Exchange> plain) {
  const Route* found = nullptr;
  bool path_exists = false;
  for (const Route& route : kRoutes) {
    if (!matches(route, request.path)) continue;
    path_exists = true;
    if (found == nullptr && method_fits(route, request.method)) found = &route;
  }
  const bool is_metrics = request.path == "/metrics" && request.method == "GET";
  const std::string label = found != nullptr ? std::string(found->path) : (is_metrics ? "/metrics" : "other");
  const auto exchange =
      std::make_shared<LoggedExchange>(std::move(plain), request, label, service_.metrics, options_.log);
  exchange->weak_ = exchange;
  exchange->more_headers_ = cross_origin_.headers(request);
  if (cross_origin_.is_preflight(request)) return exchange->respond(CrossOrigin::preflight_answer(request));
  const ErrorBody error_body = found != nullptr ? found->error_body : error_body_of(request.path);
  if ((found == nullptr || found->needs_key) && !is_allowed(request))
    return respond_error(*exchange, error_body,
                         ApiError(401, "this server needs an API key: Authorization: Bearer KEY"));
  log_body(request);
  if (is_metrics) return metrics_page(exchange);
  if (found == nullptr && path_exists)
    return respond_error(*exchange, error_body, ApiError(405, cat(request.method, " does not fit this path")));
  if (found == nullptr) return respond_error(*exchange, error_body, ApiError(404, std::string(missing(request.path))));
  if (found->where == Where::Listener) return run_endpoint(*found, service_, request, exchange);
  service_.worker.post([this, found, exchange, request = std::make_shared<http::Request>(std::move(request))] {
    run_endpoint(*found, service_, *request, exchange);
  });
}

}  // namespace paceline

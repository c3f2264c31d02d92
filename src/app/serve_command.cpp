// paceline serve: the model behind HTTP. What it says at the start is one line that tells what runs where; then a line per request.
#include <filesystem>

#include "app/commands.h"
#include "app/console.h"
#include "app/knowledge_cache.h"
#include "app/network_address.h"
#include "app/recommended_sampling.h"
#include "app/sampling_flags.h"
#include "app/session.h"
#include "base/error.h"
#include "base/random.h"
#include "serve/http/client.h"
#include "serve/log_queue.h"
#include "serve/page.h"
#include "serve/server.h"

namespace paceline {

namespace {

EngineOptions served_options(const Arguments& arguments, const GeneratorOptions& options) {
  EngineOptions out = engine_options(options);
  out.slots = static_cast<int>(std::max<int64_t>(0, arguments.integer("slots").value_or(0)));
  out.queue_limit = static_cast<int>(arguments.integer("queue").value_or(64));
  return out;
}

std::string served_name(const Arguments& arguments, const GgufFile& file) {
  return arguments.text("alias").value_or(std::filesystem::path(file.path()).stem().string());
}

// Whoever opens the server to a network without saying how it is locked gets a lock.
std::vector<std::string> api_keys(const Arguments& arguments, const std::string& host) {
  std::vector<std::string> keys = arguments.texts("api_key");
  if (!keys.empty() && arguments.has("no_auth")) throw UsageError("--api-key and --no-auth contradict each other");
  for (const std::string& key : keys)
    if (key.empty()) throw UsageError("--api-key: the key is empty; --no-auth serves without one");
  if (!keys.empty() || arguments.has("no_auth") || http::is_loopback(host)) return keys;
  std::string key = "pl-";
  static constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  for (int word = 0; word < 4; ++word) {
    uint64_t bits = system_seed();
    for (int i = 0; i < 8; ++i, bits /= kLetters.size()) key += kLetters[bits % kLetters.size()];
  }
  return {key};
}

bool is_everywhere(const std::string& host) { return host == "0.0.0.0" || host == "::"; }

std::string url_of(const std::string& host, int port) {
  const std::string shown = is_everywhere(host) ? "localhost" : host;
  return "http://" + http::Url{shown, std::to_string(port), ""}.name();
}

// For other machines.
std::string network_url(const std::string& host, int port) {
  return url_of(is_everywhere(host) ? network_address().value_or(host) : host, port);
}

void say_start(const Session& session, const Engine& engine, const std::string& name, const std::string& url) {
  const EngineStats stats = engine.stats();
  say(cat(name, " on ", session.device->description(), ", ", stats.slots, stats.slots == 1 ? " slot" : " slots", " of ",
          stats.context, " positions", stats.max_drafts > 0 ? ", MTP" : "", ", ready at ", url,
          page::is_built() ? " (open it in a browser to chat)" : ""));
}

std::optional<ChatTemplate> load_template(const std::string& source, Tokenizer& tokenizer) {
  if (source.empty()) return std::nullopt;
  try {
    ChatTemplate chat_template = ChatTemplate::parse(source);
    learn_turn_end(tokenizer, chat_template);
    return chat_template;
  } catch (const Error& error) {
    say(cat("the model's chat template cannot be used, so there are no chats: ", error.what()));
    return std::nullopt;
  }
}

// What the worker's tasks use may go afterwards.
struct WorkerEnd {
  Worker& worker;
  ~WorkerEnd() { worker.stop(); }
};

}  // namespace

int run_serve(const Arguments& arguments) {
  ServerOptions options;
  options.listener.host = arguments.text("host").value_or("127.0.0.1");
  options.listener.port = static_cast<int>(arguments.integer("port").value_or(8080));
  options.api_keys = api_keys(arguments, options.listener.host);
  options.allowed_origins = arguments.texts("cors");
  options.log_bodies = arguments.has("log_bodies");
  LogQueue log([](const std::string& line) { say(line); });
  options.log = [&log](const std::string& line) { log.add(line); };

  Session session = open_session(
      arguments, [&](const GeneratorOptions& given) { return Engine::pass_options(served_options(arguments, given)); });
  EngineOptions engine_settings = served_options(arguments, session.options);
  Worker worker;  // outlives the engine, whose thread posts to it
  Engine engine(*session.device, *session.model, engine_settings);
  const std::string source = session.file->metadata().find_text("tokenizer.chat_template").value_or("");
  const std::optional<ChatTemplate> chat_template = load_template(source, *session.tokenizer);
  Metrics metrics;
  StreamStore streams;
  AnswerForms forms(*session.tokenizer);
  ServiceOptions facts;
  facts.model_name = served_name(arguments, *session.file);
  facts.version = PACELINE_VERSION;
  facts.sampling = sampling_parameters(
      arguments, session.file->metadata(), *session.tokenizer,
      recommended_sampling(session.file->metadata(), chat_template && chat_template->thinks(std::nullopt)));
  facts.fixed_seed = arguments.integer("seed").value_or(-1) >= 0;
  facts.max_tokens = static_cast<int>(arguments.integer("max_tokens").value_or(-1));
  Service service{.file = *session.file,
                  .tokenizer = *session.tokenizer,
                  .chat_template = chat_template ? &*chat_template : nullptr,
                  .template_source = source,
                  .engine = engine,
                  .options = facts,
                  .metrics = metrics,
                  .streams = streams,
                  .worker = worker,
                  .forms = forms};
  const WorkerEnd end{worker};
  const bool made_key = !options.api_keys.empty() && !arguments.has("api_key");
  const std::string key = options.api_keys.empty() ? "" : options.api_keys[0], host = options.listener.host;
  Server server(service, std::move(options));
  const std::string url = url_of(host, server.port());
  const std::string others_url = network_url(host, server.port());
  say_start(session, engine, facts.model_name, url == others_url ? url : cat(url, " and for others at ", others_url));
  if (made_key)
    say(cat("API key ", key, " (new at each start; --api-key KEY sets one, --no-auth none); clients of ", others_url,
            " send it as Authorization: Bearer ", key));
  server.run();
  save_knowledge(session, engine.learned());
  return 0;
}

}  // namespace paceline

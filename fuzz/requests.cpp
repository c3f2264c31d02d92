// Any bytes as the body of a request to any endpoint of the four APIs, with the model in the box behind them: the first byte chooses the
// endpoint, the next the path's last part or the query. What comes out is an answer or an ApiError with a status of 4xx or 503; a request
// that is accepted has a client that leaves at once, and must leave nothing behind.
#include <cstddef>
#include <cstdint>
#include <thread>

#include "base/utf8.h"
#include "device/reference/open_reference.h"
#include "serve/anthropic.h"
#include "serve/api_error.h"
#include "serve/llamacpp.h"
#include "serve/ollama.h"
#include "serve/openai.h"
#include "serve/responses.h"
#include "serve/streams.h"

namespace {

using namespace paceline;

using Endpoint = void (*)(Service&, const http::Request&, const std::shared_ptr<http::Exchange>&);
constexpr Endpoint kEndpoints[] = {
    openai::chat_completions, openai::completions, anthropic::messages,  anthropic::count_tokens, ollama::chat,
    ollama::generate,         ollama::show,        llamacpp::completion, llamacpp::tokenize,      llamacpp::detokenize,
    llamacpp::apply_template, streams::attach,     streams::remove,      responses::create,
};
constexpr size_t kEndpointCount = sizeof kEndpoints / sizeof *kEndpoints;

// A client that has left by the time somebody looks.
class Gone : public http::Exchange {
 public:
  void respond(http::Response response) override { check(response.body); }
  void begin_stream(http::Response head) override { check(head.body); }
  void write(std::string bytes) override { check(bytes); }
  void finish() override {}
  size_t waiting_bytes() const override { return 0; }
  void watch(std::function<void()> on_closed, std::function<void()>) override { on_closed(); }

 private:
  static void check(std::string_view text) { PACELINE_ASSERT(is_valid_utf8(text)); }
};

struct World {
  GgufFile file = GgufFile::open(PACELINE_MODEL);
  std::unique_ptr<Tokenizer> tokenizer = Tokenizer::load(file);
  std::string source = file.metadata().text("tokenizer.chat_template");
  ChatTemplate chat_template = ChatTemplate::parse(source);
  EngineOptions options = {
      .slots = 1, .context = 512, .queue_limit = 64, .prefix_cache_bytes = 0, .kv = {}, .on_logits = {}};
  std::unique_ptr<Device> device = open_reference_device();
  std::unique_ptr<Model> model =
      load_model(file, *device, {.max_batch_rows = Engine::model_rows(options), .on_progress = {}});
  Engine engine{*device, *model, options};
  Metrics metrics;
  StreamStore streams;
  Worker worker;
  AnswerForms forms{*tokenizer};
  Service service{.file = file,
                  .tokenizer = *tokenizer,
                  .chat_template = &chat_template,
                  .template_source = source,
                  .engine = engine,
                  .options = {.model_name = "m", .version = "0", .sampling = {}},
                  .metrics = metrics,
                  .streams = streams,
                  .worker = worker,
                  .forms = forms};

  // As a server that shuts down: what goes on without a reader is stopped, and what that posts is done.
  ~World() {
    worker.post([this] { streams.close(); });
    worker.flush();
    worker.flush();
  }
};

void ask(World& world, Endpoint endpoint, const http::Request& request, const std::shared_ptr<Gone>& client) {
  try {
    endpoint(world.service, request, client);
  } catch (const ApiError& error) {
    PACELINE_ASSERT((error.status() >= 400 && error.status() < 500) || error.status() == 503);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static World world;
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  http::Request request;
  request.method = "POST", request.path = "/v1/streams/" + std::string(text.substr(1, 1));
  request.query = "from=" + std::string(text.substr(1, 8));
  request.body = std::string(text.substr(2));
  std::ignore = request.query_value("from");
  std::ignore = http::percent_decoded(request.body);
  const Endpoint endpoint = kEndpoints[static_cast<size_t>(data[0]) % kEndpointCount];
  auto client = std::make_shared<Gone>();
  world.worker.post([&] { ask(world, endpoint, request, client); });
  world.worker.flush();
  // A form may be compiled meanwhile; whoever still works for the client holds it.
  const std::weak_ptr<Gone> work = std::exchange(client, nullptr);
  while (!work.expired()) {
    world.worker.post([] { world.streams.close(); });
    world.worker.flush();
    std::this_thread::yield();
  }
  return 0;
}

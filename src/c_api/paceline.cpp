#include "c_api/paceline.h"

#include <algorithm>
#include <cstring>

#include "device/device.h"
#include "engine/engine.h"

struct paceline_engine {
  paceline::GgufFile file;
  std::unique_ptr<paceline::Device> device;
  std::unique_ptr<paceline::Model> model;
  std::unique_ptr<paceline::Engine> engine;  // last: ends before what it uses
};

struct paceline_request {
  paceline::RequestHandle handle;
  std::string message;
};

namespace paceline {

namespace {

void say(char* error, const char* message) {
  if (error == nullptr) return;
  const size_t length = std::min(std::strlen(message), size_t{PACELINE_ERROR_SIZE - 1});
  std::memcpy(error, message, length);
  error[length] = 0;
}

// What the caller's header knew of a struct, the rest as in `complete`.
template <class Struct>
Struct completed(const Struct* given, Struct complete) {
  if (given == nullptr) return complete;
  if (given->struct_size < sizeof(size_t) || given->struct_size > sizeof(Struct))
    fail("struct_size is ", given->struct_size, ", expected at most ", sizeof(Struct),
         "; start from the INIT macro, and use a library as new as the header");
  std::memcpy(&complete, given, given->struct_size);
  return complete;
}

template <class Struct>
void hand_out(const Struct& values, Struct* to) {
  const size_t size = std::min(to->struct_size, sizeof(Struct));
  if (size <= sizeof(size_t)) return;
  std::memcpy(reinterpret_cast<char*>(to) + sizeof(size_t), reinterpret_cast<const char*>(&values) + sizeof(size_t),
              size - sizeof(size_t));
}

std::vector<int32_t> copied(const char* name, const int32_t* values, size_t count) {
  if (values == nullptr && count > 0) fail(name, " is NULL, expected ", count, " values");
  return count == 0 ? std::vector<int32_t>() : std::vector<int32_t>(values, values + count);
}

Request to_request(const paceline_request_options& options) {
  Request request;
  request.prompt = copied("prompt", options.prompt, options.prompt_length);
  request.stop_tokens = copied("stop_tokens", options.stop_tokens, options.stop_token_count);
  request.stable_positions = copied("stable_positions", options.stable_positions, options.stable_position_count);
  request.max_tokens = options.max_tokens;
  request.drafts = options.drafts;
  request.sampling.temperature = options.temperature;
  request.sampling.top_k = options.top_k;
  request.sampling.top_p = options.top_p;
  request.sampling.min_p = options.min_p;
  request.sampling.repeat_penalty = options.repeat_penalty;
  request.sampling.presence_penalty = options.presence_penalty;
  request.sampling.frequency_penalty = options.frequency_penalty;
  request.sampling.seed = options.seed;
  return request;
}

paceline_event to_event(const Event& event) {
  paceline_event out = PACELINE_EVENT_INIT;
  switch (event.kind) {
    case Event::Kind::PromptProgress: out.kind = PACELINE_PROMPT_PROGRESS; break;
    case Event::Kind::NewToken: out.kind = PACELINE_TOKEN; break;
    case Event::Kind::Finished: out.kind = PACELINE_FINISHED; break;
  }
  out.prompt_done = event.prompt_done;
  out.prompt_total = event.prompt_total;
  out.prompt_cached = event.prompt_cached;
  out.token = event.token;
  out.from_draft = event.from_draft ? 1 : 0;
  out.pass = event.pass;
  out.drafted = event.drafted_count;
  out.accepted = event.accepted_count;
  switch (event.reason) {
    case FinishReason::Stop: out.reason = PACELINE_STOP; break;
    case FinishReason::Length: out.reason = PACELINE_LENGTH; break;
    case FinishReason::Context: out.reason = PACELINE_CONTEXT; break;
    case FinishReason::Cancelled: out.reason = PACELINE_CANCELLED; break;
    case FinishReason::Error: out.reason = PACELINE_FAILED; break;
  }
  return out;
}

EngineOptions to_options(const paceline_engine_options& options) {
  EngineOptions out;
  out.slots = options.slots;
  out.context = options.context;
  out.queue_limit = options.queue_limit;
  out.max_drafts = options.max_drafts;
  if (options.max_drafts == 0) out.lookup_drafts = 0;
  out.prefix_cache_bytes = options.prefix_cache_bytes;
  return out;
}

void hand_out_event(paceline_request& request, const Event& event, paceline_event* to) {
  request.message = event.message;
  if (to != nullptr) hand_out(to_event(event), to);
}

}  // namespace

}  // namespace paceline

using paceline::completed;

paceline_engine* paceline_open(const char* model_path, const paceline_engine_options* options, char* error) {
  try {
    if (model_path == nullptr) paceline::fail("model_path is NULL, expected the path of a GGUF file");
    const paceline_engine_options given = completed(options, paceline_engine_options PACELINE_ENGINE_OPTIONS_INIT);
    const paceline::EngineOptions engine_options = paceline::to_options(given);
    auto engine = std::make_unique<paceline_engine>(paceline_engine{
        .file = paceline::GgufFile::open(model_path), .device = nullptr, .model = nullptr, .engine = nullptr});
    engine->device = paceline::open_device({.kind = "cpu", .threads = given.threads, .isa = ""});
    engine->model =
        paceline::load_model(engine->file, *engine->device,
                             {.max_batch_rows = paceline::Engine::model_rows(engine_options), .on_progress = {}});
    engine->engine = std::make_unique<paceline::Engine>(*engine->device, *engine->model, engine_options);
    return engine.release();
  } catch (const std::exception& failure) {
    paceline::say(error, failure.what());
    return nullptr;
  }
}

void paceline_close(paceline_engine* engine) { delete engine; }

paceline_status paceline_submit(paceline_engine* engine, const paceline_request_options* options,
                                paceline_request** request, char* error) {
  try {
    if (engine == nullptr || options == nullptr || request == nullptr)
      paceline::fail("engine, options or request is NULL, expected all three");
    auto handle = engine->engine->submit(
        paceline::to_request(completed(options, paceline_request_options PACELINE_REQUEST_OPTIONS_INIT)));
    if (!handle) return PACELINE_QUEUE_FULL;
    *request = new paceline_request{std::move(*handle), ""};
    return PACELINE_OK;
  } catch (const std::exception& failure) {
    paceline::say(error, failure.what());
    return PACELINE_ERROR;
  }
}

paceline_status paceline_next(paceline_request* request, paceline_event* event) {
  if (request == nullptr) return PACELINE_ERROR;
  paceline::hand_out_event(*request, request->handle.next(), event);
  return PACELINE_OK;
}

paceline_status paceline_try_next(paceline_request* request, paceline_event* event) {
  if (request == nullptr) return PACELINE_ERROR;
  const std::optional<paceline::Event> next = request->handle.try_next();
  if (!next) return PACELINE_NOTHING_YET;
  paceline::hand_out_event(*request, *next, event);
  return PACELINE_OK;
}

const char* paceline_message(const paceline_request* request) {
  return request == nullptr ? "" : request->message.c_str();
}

void paceline_cancel(paceline_request* request) {
  if (request != nullptr) request->handle.cancel();
}

void paceline_release(paceline_request* request) { delete request; }

void paceline_get_stats(const paceline_engine* engine, paceline_stats* stats) {
  if (engine == nullptr || stats == nullptr) return;
  const paceline::EngineStats now = engine->engine->stats();
  paceline_stats out = PACELINE_STATS_INIT;
  out.slots = now.slots;
  out.context = now.context;
  out.vocab_size = engine->model->facts().vocab_size;
  out.running = now.running;
  out.waiting = now.waiting;
  out.submitted = now.submitted;
  out.refused = now.refused;
  out.completed = now.completed;
  out.cancelled = now.cancelled;
  out.failed = now.failed;
  out.prompt_tokens = now.prompt_tokens;
  out.cached_tokens = now.cached_tokens;
  out.generated_tokens = now.generated_tokens;
  out.drafted = static_cast<uint64_t>(now.speculation.all_drafted());
  out.accepted = static_cast<uint64_t>(now.speculation.all_accepted());
  paceline::hand_out(out, stats);
}

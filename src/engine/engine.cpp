#include "engine/engine.h"

#include <algorithm>

#include "base/memory_info.h"
#include "engine/engine_loop.h"

namespace paceline {

namespace {

constexpr uint64_t kMostCacheBytes = uint64_t{4} << 30;
constexpr int kLeastContext = 512;

void check_options(const EngineOptions& options) {
  if (options.slots < 0 || options.slots > EngineOptions::kMostSlots)
    fail("slots is ", options.slots, ", expected 1 … ", EngineOptions::kMostSlots, ", or 0 for what memory allows");
  if (options.context < 0 || options.context == 1) fail("context is ", options.context, ", expected at least 2, or 0");
  if (options.max_drafts < 0 || options.max_drafts > kMaxDrafts)
    fail("max_drafts is ", options.max_drafts, ", expected 0 … ", kMaxDrafts);
  if (options.lookup_drafts < 0 || options.lookup_drafts > kMaxLookupDrafts)
    fail("lookup_drafts is ", options.lookup_drafts, ", expected 0 … ", kMaxLookupDrafts);
  if (options.max_prompt_rows < 1) fail("max_prompt_rows is ", options.max_prompt_rows, ", expected at least 1");
  if (options.queue_limit < 0) fail("queue_limit is ", options.queue_limit, ", expected at least 0");
  if (!(options.chunk_seconds > 0)) fail("chunk_seconds is ", options.chunk_seconds, ", expected more than 0");
}

// Known before the model: as many slots as there may be.
EngineSizes widest(const EngineOptions& options) {
  return {.slots = options.slots > 0 ? options.slots : EngineOptions::kUsualSlots,
          .max_drafts = options.max_drafts,
          .lookup_drafts = options.lookup_drafts};
}

}  // namespace

RunnerOptions runner_options(const EngineOptions& options, const EngineSizes& sizes) {
  return {.max_prompt_rows = options.max_prompt_rows,
          .max_sequences = sizes.slots,
          .max_drafts = std::max(sizes.max_drafts, sizes.lookup_drafts)};
}

// The prefix cache is in the host's memory, slots are in the device's.
EngineSizes size_engine(const Device& device, const Model& model, const EngineOptions& options) {
  check_options(options);
  EngineSizes sizes;
  sizes.max_drafts = model.facts().has_draft_head ? options.max_drafts : 0;
  sizes.lookup_drafts = options.lookup_drafts;
  sizes.adapt_depth = options.adapt_depth;
  const auto usable = [&options](uint64_t available) {
    return options.memory_bytes >= 0 ? static_cast<uint64_t>(options.memory_bytes) : available / 4 * 3;
  };
  const uint64_t of_host = usable(available_memory_bytes());
  sizes.cache_bytes = options.prefix_cache_bytes >= 0 ? static_cast<uint64_t>(options.prefix_cache_bytes)
                                                      : std::min(of_host / 8, kMostCacheBytes);
  const uint64_t room =
      device.memory_is_host() ? of_host - std::min(of_host, sizes.cache_bytes) : usable(device.available_bytes());
  const auto slot_bytes = [&](int context) {
    return state_bytes(model.state_shape(context, 1 + runner_options(options, sizes).max_drafts, options.kv));
  };
  // As many positions as the model was trained for, halved until what is wanted fits.
  sizes.context = options.context > 0 ? options.context : std::max(2, model.facts().context_length);
  const uint64_t wanted = static_cast<uint64_t>(options.slots > 0 ? options.slots : EngineOptions::kUsualSlots);
  while (options.context == 0 && sizes.context > kLeastContext && slot_bytes(sizes.context) * wanted > room)
    sizes.context = std::max(kLeastContext, sizes.context / 2);
  sizes.slot_bytes = slot_bytes(sizes.context);
  const uint64_t fitting = room / sizes.slot_bytes, least = options.slots > 0 ? wanted : 1;
  if (fitting < least)
    fail(least, least == 1 ? " slot" : " slots", " of ", sizes.context, " positions take ",
         least * sizes.slot_bytes >> 20, " MiB, expected at most the ", room >> 20,
         " MiB available; use a smaller context or fewer slots");
  sizes.slots = static_cast<int>(std::min(fitting, wanted));
  return sizes;
}

int Engine::model_rows(const EngineOptions& options) {
  return max_batch_rows(runner_options(options, widest(options)));
}

Engine::Engine(Device& device, Model& model, const EngineOptions& options)
    : loop_(std::make_unique<Loop>(device, model, options, size_engine(device, model, options))) {}

Engine::~Engine() = default;

std::optional<RequestHandle> Engine::submit(Request request) { return loop_->submit(std::move(request)); }

EngineStats Engine::stats() const { return loop_->stats(); }

SpeculationKnowledge Engine::learned() const { return loop_->learned(); }

RequestHandle& RequestHandle::operator=(RequestHandle&& other) noexcept {
  if (this == &other) return *this;
  if (state_) cancel();
  state_ = std::move(other.state_);
  return *this;
}

RequestHandle::~RequestHandle() {
  if (state_) cancel();
}

uint64_t RequestHandle::number() const { return state_->number; }

std::optional<Event> RequestHandle::try_next() { return state_->take(); }

Event RequestHandle::next() { return state_->wait(); }

void RequestHandle::cancel() { state_->cancelled = true; }

RequestStats RequestHandle::stats() const {
  const std::lock_guard lock(state_->mutex);
  return state_->stats;
}

}  // namespace paceline

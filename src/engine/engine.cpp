#include "engine/engine.h"

#include <algorithm>

#include "base/memory_info.h"
#include "engine/engine_loop.h"

namespace paceline {

namespace {

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

// How many slots fit into both kinds of memory.
uint64_t slots_in(const StateBytes& room, const StateBytes& slot) {
  uint64_t slots = EngineOptions::kMostSlots;
  if (slot.host > 0) slots = std::min(slots, room.host / slot.host);
  if (slot.device > 0) slots = std::min(slots, room.device / slot.device);
  return slots;
}

// Names the memory that is too small.
[[noreturn]] void fail_slots(uint64_t slots, int context, const StateBytes& slot, const StateBytes& room) {
  const bool in_host = slots * slot.host > room.host;
  fail(slots, slots == 1 ? " slot" : " slots", " of ", context, " positions take ",
       slots * (in_host ? slot.host : slot.device) >> 20, " MiB", in_host ? "" : " of the device's memory",
       ", expected at most the ", (in_host ? room.host : room.device) >> 20,
       " MiB available; use a smaller context or fewer slots");
}

}  // namespace

RunnerOptions runner_options(const EngineOptions& options, const EngineSizes& sizes) {
  return {.max_prompt_rows = options.max_prompt_rows,
          .max_sequences = sizes.slots,
          .max_drafts = std::max(sizes.max_drafts, sizes.lookup_drafts)};
}

// The prefix cache is in the host's memory, slots are where the layers are.
EngineSizes size_engine(Device& device, const Model& model, const EngineOptions& options) {
  check_options(options);
  EngineSizes sizes;
  sizes.max_drafts = model.facts().has_draft_head ? options.max_drafts : 0;
  sizes.lookup_drafts = options.lookup_drafts;
  sizes.adapt_depth = options.adapt_depth;
  const auto usable = [&options](uint64_t available) {
    return options.memory_bytes >= 0 ? static_cast<uint64_t>(options.memory_bytes) : Engine::slot_memory(available);
  };
  StateBytes room{.host = usable(available_memory_bytes())};
  sizes.cache_bytes = cache_limit_bytes(options.prefix_cache_bytes, room.host);
  room.host -= std::min(room.host, sizes.cache_bytes);
  if (!device.memory_is_host()) room.device = usable(device.available_bytes());
  const auto slot_bytes = [&](int context) {
    return state_bytes(model.state_shape(context, 1 + runner_options(options, sizes).max_drafts, options.kv), device);
  };
  // As many positions as the model was trained for, halved until what is wanted fits.
  sizes.context = options.context > 0 ? options.context : std::max(2, model.facts().context_length);
  const uint64_t wanted = static_cast<uint64_t>(options.slots > 0 ? options.slots : EngineOptions::kUsualSlots);
  while (options.context == 0 && sizes.context > Engine::kLeastContext &&
         slots_in(room, slot_bytes(sizes.context)) < wanted)
    sizes.context = std::max(Engine::kLeastContext, sizes.context / 2);
  const StateBytes slot = slot_bytes(sizes.context);
  sizes.slot_bytes = slot.all();
  const uint64_t fitting = slots_in(room, slot), least = options.slots > 0 ? wanted : 1;
  if (fitting < least) fail_slots(least, sizes.context, slot, room);
  sizes.slots = static_cast<int>(std::min(fitting, wanted));
  return sizes;
}

RunnerOptions Engine::pass_options(const EngineOptions& options) { return runner_options(options, widest(options)); }

int Engine::model_rows(const EngineOptions& options) { return max_batch_rows(pass_options(options)); }

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

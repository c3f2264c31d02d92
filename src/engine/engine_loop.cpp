#include "engine/engine_loop.h"

#include <algorithm>

#include "engine/logprobs.h"

namespace paceline {

namespace {

double seconds_between(RequestState::Clock::time_point from, RequestState::Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

SchedulerOptions scheduler_options(const EngineOptions& options, int slots) {
  return {.max_sequences = slots,
          .max_prompt_rows = options.max_prompt_rows,
          .chunk_seconds = options.chunk_seconds,
          .known_times = options.known.times};
}

}  // namespace

Engine::Loop::Loop(Device& device, Model& model, const EngineOptions& options, const EngineSizes& sizes)
    : model_(model),
      options_(options),
      sizes_(sizes),
      scheduler_(scheduler_options(options, sizes.slots)),
      cache_(device, sizes.cache_bytes) {
  const RunnerOptions rows = runner_options(options, sizes);
  if (sizes.max_drafts > 0) head_.emplace(device, model, rows);
  if (head_) head_->learn(options.known.draft_ids);
  draft_ids_ = options.known.draft_ids;
  drafter_.emplace(head_ ? &*head_ : nullptr);
  runner_.emplace(device, model, &*drafter_, rows);
  runner_->on_logits = [this](const Sequence& sequence, int position, std::span<const float> logits, Token chosen) {
    note_choice(sequence, position, logits, chosen);
  };
  runner_->wants_logits = [this](const Sequence& sequence) {
    const auto asks = [&](const Candidate* candidate) {
      return candidate->sequence == &sequence &&
             static_cast<const Slot*>(candidate)->request->request.top_logprobs >= 0;
    };
    return options_.on_logits || std::any_of(running_.begin(), running_.end(), asks);
  };
  const StateShape shape = model.state_shape(sizes.context, 1 + rows.max_drafts, options.kv);
  slots_.resize(static_cast<size_t>(sizes.slots));
  const Token nothing[] = {0};
  for (Slot& slot : slots_) {
    slot.memory = std::make_unique<Sequence>(device, model, shape, nothing, SamplingParameters{});
    slot.sequence = slot.memory.get();
  }
  running_.reserve(slots_.size());
  step_.reserve(slots_.size());
  stats_.slots = sizes.slots;
  stats_.context = sizes.context;
  stats_.queue_limit = options.queue_limit;
  stats_.max_drafts = sizes.max_drafts;
  stats_.slot_bytes = sizes.slot_bytes;
  stats_.cache_limit_bytes = sizes.cache_bytes;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Engine::Loop::check(const Request& request) const {
  check_prompt(request.prompt, sizes_.context, model_.facts().vocab_size);
  if (request.drafts < kAutoDrafts || request.drafts > kMaxDrafts)
    fail("drafts is ", request.drafts, ", expected 0 … ", kMaxDrafts, ", or ", kAutoDrafts, " for as many as pay");
  if (request.drafts > 0 && !model_.facts().has_draft_head)
    fail("drafts is ", request.drafts, ", but the model has no MTP head; expected 0 or ", kAutoDrafts);
  if (request.top_logprobs < -1 || request.top_logprobs > Request::kMostLogprobs)
    fail("top_logprobs is ", request.top_logprobs, ", expected -1 … ", Request::kMostLogprobs);
}

std::optional<RequestHandle> Engine::Loop::submit(Request request) {
  check(request);
  std::sort(request.stop_tokens.begin(), request.stop_tokens.end());
  std::shared_ptr<RequestState> state;
  {
    const std::lock_guard lock(mutex_);
    // A free slot takes a request at once, so it does not count as waiting.
    const size_t free_slots = static_cast<size_t>(sizes_.slots - stats_.running);
    if (queue_.size() >= free_slots + static_cast<size_t>(options_.queue_limit)) {
      ++stats_.refused;
      return std::nullopt;
    }
    state = std::make_shared<RequestState>(next_number_++, std::move(request));
    queue_.push_back(state);
    ++stats_.submitted;
  }
  wake_.notify_one();
  return RequestHandle(std::move(state));
}

SpeculationKnowledge Engine::Loop::learned() const {
  const std::lock_guard lock(mutex_);
  return {scheduler_.times_of_one(), draft_ids_};
}

EngineStats Engine::Loop::stats() const {
  const std::lock_guard lock(mutex_);
  EngineStats stats = stats_;
  stats.waiting = static_cast<int>(queue_.size());
  return stats;
}

void Engine::Loop::run(const std::stop_token& stop) {
  while (wait_for_work(stop)) {
    drop_cancelled();
    admit();
    if (!running_.empty()) step();
  }
  while (!running_.empty()) finish(static_cast<Slot&>(*running_.back()), FinishReason::Cancelled);
  const std::lock_guard lock(mutex_);
  for (const auto& request : queue_) {
    request->finish(FinishReason::Cancelled);
    request->announce();
    ++stats_.cancelled;
  }
  queue_.clear();
}

bool Engine::Loop::wait_for_work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (running_.empty()) wake_.wait(lock, stop, [&] { return !queue_.empty(); });
  return !stop.stop_requested();
}

void Engine::Loop::drop_cancelled() {
  for (size_t i = running_.size(); i-- > 0;)
    if (auto& slot = static_cast<Slot&>(*running_[i]); slot.request->cancelled) finish(slot, FinishReason::Cancelled);
  std::vector<std::shared_ptr<RequestState>> dropped;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(queue_, [&](const auto& request) {
      if (request->cancelled) dropped.push_back(request);
      return request->cancelled.load();
    });
    stats_.cancelled += dropped.size();
  }
  for (const auto& request : dropped) request->finish(FinishReason::Cancelled), request->announce();
}

void Engine::Loop::admit() {
  for (Slot& slot : slots_) {
    if (slot.request) continue;
    std::shared_ptr<RequestState> request;
    {
      const std::lock_guard lock(mutex_);
      if (queue_.empty()) return;
      request = std::move(queue_.front());
      queue_.pop_front();
      ++stats_.running;
    }
    start(slot, std::move(request));
  }
}

void Engine::Loop::start(Slot& slot, std::shared_ptr<RequestState> state) {
  slot.request = std::move(state);
  const Request& request = slot.request->request;
  Sequence& sequence = *slot.sequence;
  sequence.restart(request.prompt, request.sampling);
  sequence.stop_tokens = request.stop_tokens;
  sequence.constraint = slot.request->constraint ? &*slot.request->constraint : nullptr;
  slot.history = history_.carried_over();
  slot.handed_out = 0;
  slot.pass = 0;
  slot.started = Clock::now();
  running_.push_back(&slot);

  Event event;
  event.kind = Event::Kind::PromptProgress;
  event.prompt_total = sequence.prompt_length;
  PrefixCache* const cache = request.reuse_prefix && sizes_.cache_bytes > 0 ? &cache_ : nullptr;
  event.prompt_cached = slot.prefix.start(cache, sequence, request.stable_positions);
  event.prompt_done = event.prompt_cached;
  slot.prompt_end = slot.prefix.prompt_end();
  {
    const std::lock_guard lock(slot.request->mutex);
    slot.request->stats.cached_tokens = event.prompt_cached;
    slot.request->stats.queue_seconds = seconds_between(slot.request->submitted, slot.started);
  }
  {
    const std::lock_guard lock(mutex_);
    stats_.cached_tokens += static_cast<uint64_t>(event.prompt_cached);
    stats_.prompt_tokens += static_cast<uint64_t>(event.prompt_cached);
  }
  slot.request->push(std::move(event));
  slot.request->announce();
  if (request.max_tokens == 0) finish(slot, FinishReason::Length);
}

// The last token that may be handed out needs no drafts behind it.
SpeculationLimits Engine::Loop::limits(const Slot& slot) const {
  const Request& request = slot.request->request;
  const bool is_open = request.drafts == kAutoDrafts;
  const int most = request.max_tokens < 0 ? kMaxLookupDrafts : request.max_tokens - slot.handed_out - 1;
  return {std::min({is_open ? kMaxDrafts : request.drafts, sizes_.max_drafts, most}),
          is_open ? std::min(sizes_.lookup_drafts, most) : 0, is_open && sizes_.adapt_depth};
}

void Engine::Loop::step() {
  for (Candidate* candidate : running_) {
    Slot& slot = static_cast<Slot&>(*candidate);
    slot.before = slot.sequence->length();
    slot.was_in_prompt = slot.sequence->in_prompt();
    slot.logprobs.clear(), slot.alternatives.clear();
    slot.limits = limits(slot);
  }
  const auto start = Clock::now();
  try {
    scheduler_.plan(running_, step_);
    runner_->step(step_);
    const std::lock_guard lock(mutex_);
    scheduler_.record(runner_->seconds());
  } catch (const std::exception& error) {
    // What the step had begun is lost; the slots are not.
    while (!running_.empty()) finish(static_cast<Slot&>(*running_.back()), FinishReason::Error, error.what());
    return;
  }
  publish(seconds_between(start, Clock::now()));
  for (size_t i = running_.size(); i-- > 0;) deliver(static_cast<Slot&>(*running_[i]));
}

void Engine::Loop::deliver(Slot& slot) {
  if (slot.was_in_prompt) deliver_prompt(slot);
  deliver_pass(slot);
  if (const auto reason = reason_to_end(slot)) return finish(slot, *reason);
  if (slot.sequence->exhausted) {
    const std::string error = slot.request->constraint ? slot.request->constraint->error() : "";
    return finish(slot, error.empty() ? FinishReason::Stop : FinishReason::Error, error);
  }
  slot.request->announce();
}

void Engine::Loop::deliver_prompt(Slot& slot) {
  const Sequence& sequence = *slot.sequence;
  const int done = sequence.state.length();
  if (sequence.prompt_budget == 0) return;
  slot.prefix.keep_prompt(sequence);
  slot.prompt_end = slot.prefix.prompt_end();
  Event event;
  event.kind = Event::Kind::PromptProgress;
  event.prompt_done = done;
  event.prompt_total = sequence.prompt_length;
  {
    const std::lock_guard lock(slot.request->mutex);
    event.prompt_cached = slot.request->stats.cached_tokens;
    if (!sequence.in_prompt()) {
      slot.first_token = Clock::now();
      slot.request->stats.prompt_seconds = seconds_between(slot.started, slot.first_token);
    }
  }
  slot.request->push(std::move(event));
}

// Hands out what the step settled, up to a stop token or the limit.
void Engine::Loop::deliver_pass(Slot& slot) {
  const Sequence& sequence = *slot.sequence;
  const Request& request = slot.request->request;
  const std::span<const Token> settled = std::span(sequence.tokens).subspan(static_cast<size_t>(slot.before));
  if (settled.empty()) return;
  Event event;
  event.pass = slot.pass++;
  if (!slot.was_in_prompt) {
    event.drafted_count = static_cast<int>(sequence.drafts.size());
    event.copied_count = event.drafted_count - sequence.head_drafts;
    std::copy(sequence.drafts.begin(), sequence.drafts.end(), event.drafted.begin());
  }
  const auto is_draft = [&](size_t i) {
    return i < static_cast<size_t>(event.drafted_count) && settled[i] == event.drafted[i];
  };
  while (event.accepted_count < static_cast<int>(settled.size()) && is_draft(static_cast<size_t>(event.accepted_count)))
    ++event.accepted_count;
  for (size_t i = 0; i < settled.size(); ++i) {
    if (std::binary_search(request.stop_tokens.begin(), request.stop_tokens.end(), settled[i])) break;
    if (request.max_tokens >= 0 && slot.handed_out == request.max_tokens) break;
    event.token = settled[i];
    event.from_draft = is_draft(i);
    if (i < slot.logprobs.size()) {
      event.logprob = slot.logprobs[i];
      event.alternatives = std::move(slot.alternatives[i]);
    }
    ++slot.handed_out;
    slot.request->push(event);
  }
  const std::lock_guard lock(slot.request->mutex);
  slot.request->stats.speculation = sequence.stats;
  slot.request->stats.generation_seconds = seconds_between(slot.first_token, Clock::now());
}

std::optional<FinishReason> Engine::Loop::reason_to_end(const Slot& slot) const {
  const Sequence& sequence = *slot.sequence;
  const Request& request = slot.request->request;
  if (sequence.in_prompt()) return std::nullopt;
  if (std::binary_search(request.stop_tokens.begin(), request.stop_tokens.end(), sequence.tokens.back()))
    return FinishReason::Stop;
  if (request.max_tokens >= 0 && slot.handed_out >= request.max_tokens) return FinishReason::Length;
  if (sequence.is_full()) return FinishReason::Context;
  return std::nullopt;
}

void Engine::Loop::finish(Slot& slot, FinishReason reason, const std::string& message) {
  if (reason != FinishReason::Error) slot.prefix.keep_answer(*slot.sequence, head_ ? &*head_ : nullptr);
  history_ = slot.history;
  std::vector<Token> draft_ids;
  if (head_) draft_ids = head_->vocabulary().learned();
  const std::shared_ptr<RequestState> request = std::move(slot.request);
  slot.request = nullptr;
  slot.sequence->constraint = nullptr;
  std::erase(running_, &slot);
  {
    const std::lock_guard lock(mutex_);
    --stats_.running;
    ++(reason == FinishReason::Error ? stats_.failed
                                     : (reason == FinishReason::Cancelled ? stats_.cancelled : stats_.completed));
    stats_.generated_tokens += static_cast<uint64_t>(slot.handed_out);
    const SequenceStats& own = slot.sequence->stats;
    stats_.speculation.passes += own.passes;
    stats_.speculation.generated += own.generated;
    for (size_t i = 0; i < own.drafted.size(); ++i) {
      stats_.speculation.drafted[i] += own.drafted[i];
      stats_.speculation.accepted[i] += own.accepted[i];
    }
    if (head_) draft_ids_.swap(draft_ids);
    stats_.speculation.lookup_drafted += own.lookup_drafted;
    stats_.speculation.lookup_accepted += own.lookup_accepted;
  }
  request->finish(reason, message);
  request->announce();
}

void Engine::Loop::note_choice(const Sequence& sequence, int position, std::span<const float> logits, Token chosen) {
  for (Candidate* candidate : running_) {
    if (candidate->sequence != &sequence) continue;
    Slot& slot = static_cast<Slot&>(*candidate);
    if (options_.on_logits) options_.on_logits(slot.request->number, position, logits);
    const int wanted = slot.request->request.top_logprobs;
    if (wanted < 0) return;
    const LogprobRow row = logprob_row(logits, chosen, wanted, ranked_);
    slot.logprobs.push_back(row.chosen);
    slot.alternatives.push_back(row.alternatives);
    return;
  }
}

void Engine::Loop::publish(double step_seconds) {
  uint64_t prompt_rows = 0;
  for (const Candidate* candidate : running_)
    if (static_cast<const Slot*>(candidate)->was_in_prompt)
      prompt_rows += static_cast<uint64_t>(candidate->sequence->prompt_budget);
  const PrefixCacheStats& cache = cache_.stats();
  const std::lock_guard lock(mutex_);
  ++stats_.steps;
  ++stats_.steps_by_requests[std::min(step_.size(), stats_.steps_by_requests.size() - 1)];
  stats_.busy_seconds += step_seconds;
  stats_.prompt_tokens += prompt_rows;
  stats_.prompt_tokens_per_second = scheduler_.prompt_tokens_per_second();
  stats_.cache_entries = cache.entries;
  stats_.cache_bytes = cache.bytes;
  stats_.cache_hits = cache.hits;
  stats_.cache_misses = cache.misses;
  stats_.cache_evictions = cache.evictions;
}

}  // namespace paceline

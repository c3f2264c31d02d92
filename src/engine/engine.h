#pragma once
// Many requests at once, each with exactly the tokens and logit bits it would get alone without drafting. One thread owns device and model
// and runs steps: the verify rows of every generating request and at most one prompt chunk go through the weights together
// (scheduler.h). Prompts reuse what earlier ones left (prefix_cache.h). Tokens only: text, HTTP and stop strings are the callers' business.
//
//   Engine engine(device, model, options);
//   if (std::optional<RequestHandle> request = engine.submit({.prompt = tokens}))
//     for (Event event = request->next(); event.kind != Event::Kind::Finished; event = request->next()) …
//   else …  // the queue is full: try later
//
// Every public function may be called from any thread; one RequestHandle is used by one thread at a time. Handles may outlive the engine:
// their requests have then finished.
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/sequence.h"
#include "engine/step_times.h"
#include "engine/token_constraint.h"

namespace paceline {

inline constexpr int kAutoDrafts = -1;

struct EngineOptions {
  int slots = 0;  // requests that run at once, 1 … kMostSlots; 0: as many as memory allows, at most kUsualSlots
  int context = 0;  // positions of each slot, prompt and answer together; 0: the trained length, or what memory allows
  int max_prompt_rows = 512;  // prompt chunk while nobody generates
  double chunk_seconds = 0.25;  // what a prompt chunk may add to a step while others generate
  int max_drafts = kMaxDrafts;  // of any request per round by the head; 0: none. Ignored for a model without one
  bool adapt_depth = true;  // requests with kAutoDrafts get as many as pay; false: max_drafts
  int lookup_drafts = kMaxLookupDrafts;  // copied from the text per round, in requests with kAutoDrafts; 0: none
  int queue_limit = 64;  // requests that may wait for a slot
  int64_t prefix_cache_bytes = -1;  // 0: no prefix reuse, < 0: an eighth of the available memory, at most 4 GiB
  int64_t memory_bytes =
      -1;  // for slots and prefix cache; < 0: three quarters of what machine and device have available
  KvTypes kv;
  SpeculationKnowledge known{};  // of this model on this machine, learned before
  // Sees every settled token of every request, from the engine's thread: request number, position, the logits it was chosen from.
  std::function<void(uint64_t request, int position, std::span<const float> logits)> on_logits;

  static constexpr int kUsualSlots = 8, kMostSlots = 64;
};

struct Request {
  std::vector<Token> prompt;  // 1 … context - 1 tokens
  SamplingParameters sampling;
  int max_tokens = -1;  // of the answer; < 0: until the context is full
  std::vector<Token> stop_tokens;  // the answer ends before the first of these; it is not handed out
  int drafts =
      kAutoDrafts;  // per round: as EngineOptions::adapt_depth says, 0 none, N fixed (at most EngineOptions::max_drafts)
  int top_logprobs = -1;  // -1: none, 0: of the chosen token, N: and of the N most likely, at most kMostLogprobs
  std::unique_ptr<TokenConstraint> constraint;  // used by the engine's thread only, destroyed with the request
  // Positions of the prompt (0 < p < prompt length) at which a later prompt is likely to part from this one: end of the system prompt, end
  // of each turn. Any order; others are ignored. The engine keeps a snapshot there. Empty: just before the prompt's last token.
  std::vector<int> stable_positions;
  bool reuse_prefix = true;  // false: neither look for a cached prefix nor leave one
  // Called from the engine's thread when there is something for next(); must be quick, must not throw and must not call the engine.
  std::function<void()> on_ready;

  static constexpr int kMostLogprobs = 20;
};

struct TokenLogprob {
  Token token = 0;
  float logprob =
      0;  // natural logarithm of the model's own probability: before bias, penalties, mask, truncation and temperature
};

enum class FinishReason {
  Stop,  // a stop token, or nothing can follow by the constraint
  Length,  // max_tokens
  Context,  // the slot is full
  Cancelled,  // cancel(), a handle that was destroyed, or an engine that ended
  Error,  // see Event::message
};

struct Event {
  enum class Kind {
    PromptProgress,  // prompt_done of prompt_total; the first one, before any work, says prompt_cached
    NewToken,
    Finished,  // always the last event, exactly one
  };
  Kind kind = Kind::NewToken;

  // PromptProgress. prompt_cached tokens of the prompt were not computed again; they are counted in prompt_done.
  int prompt_done = 0, prompt_total = 0, prompt_cached = 0;

  // NewToken.
  Token token = 0;
  bool from_draft = false;  // guessed and accepted
  uint64_t pass =
      0;  // of this request: 0 is the prompt's last, which gives the first token. Tokens of a pass come together
  // Of that pass: the drafts that were tried, valid until the next call of next() or try_next(), and how many were accepted.
  // The last copied_count of the drafts were copied from the text.
  int drafted_count = 0, copied_count = 0, accepted_count = 0;
  std::array<Token, kMaxLookupDrafts> drafted{};
  float logprob = 0;  // of the chosen token, when top_logprobs >= 0
  std::vector<TokenLogprob> alternatives;  // most likely first, top_logprobs of them

  // Finished.
  FinishReason reason = FinishReason::Stop;
  std::string message;  // of an Error

  std::span<const Token> drafts() const { return std::span(drafted).first(static_cast<size_t>(drafted_count)); }
};

struct RequestStats {
  int prompt_tokens = 0;
  int cached_tokens = 0;  // of the prompt, taken from the prefix cache
  int generated_tokens = 0;  // handed out
  SequenceStats speculation;
  double queue_seconds = 0;  // submit to slot
  double prompt_seconds = 0;  // slot to first token
  double generation_seconds = 0;  // first token to last
  bool finished = false;
};

struct EngineStats {
  int slots = 0, context = 0, queue_limit = 0, max_drafts = 0;
  uint64_t slot_bytes = 0;  // of one slot, when it is full
  int running = 0, waiting = 0;  // requests now
  uint64_t submitted = 0, refused = 0, completed = 0, cancelled = 0, failed = 0;  // refused: the queue was full
  uint64_t prompt_tokens = 0, cached_tokens = 0, generated_tokens = 0;  // cached ones are prompt tokens too
  uint64_t steps = 0;
  std::array<uint64_t, EngineOptions::kMostSlots + 1> steps_by_requests{};  // [i]: steps that held i requests
  SequenceStats speculation;  // of all requests
  double busy_seconds = 0;  // spent in steps
  double prompt_tokens_per_second = 0;  // of late
  int cache_entries = 0;
  uint64_t cache_bytes = 0, cache_limit_bytes = 0;
  uint64_t cache_hits = 0, cache_misses = 0, cache_evictions = 0;
};

struct RequestState;  // engine.cpp's side of a request
struct RunnerOptions;

class RequestHandle {
 public:
  explicit RequestHandle(std::shared_ptr<RequestState> state) : state_(std::move(state)) {}
  RequestHandle(RequestHandle&&) noexcept = default;
  RequestHandle& operator=(RequestHandle&& other) noexcept;
  ~RequestHandle();  // cancels

  uint64_t number() const;  // as in EngineOptions::on_logits; rises with each submit
  // The next event, if there is one already.
  std::optional<Event> try_next();
  // Waits for it. After Finished has been handed out: Finished again.
  Event next();
  // Ends the request before the next step. Events that are there already stay; Finished follows.
  void cancel();
  RequestStats stats() const;

 private:
  std::shared_ptr<RequestState> state_;
};

class Engine {
 public:
  // Device and model outlive the engine and are its own while it lives. The model was loaded for model_rows(options) rows.
  // Throws Error when memory is too small for one slot of options.context positions.
  Engine(Device& device, Model& model, const EngineOptions& options);
  ~Engine();  // cancels everything
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // For ModelOptions::max_batch_rows.
  static int model_rows(const EngineOptions& options);
  // Positions of a slot that `context` 0 does not go below.
  static constexpr int kLeastContext = 512;
  // The widest passes it may run, known before the model.
  static RunnerOptions pass_options(const EngineOptions& options);
  // What it takes for slots of the memory that is available once the model is loaded; the rest is for what a pass needs.
  static constexpr uint64_t slot_memory(uint64_t available) { return available / 4 * 3; }

  // In order of arrival. nullopt: the queue is full. Throws Error for a request that could never run: an empty or too long prompt, a token
  // outside the vocabulary, a setting out of range.
  std::optional<RequestHandle> submit(Request request);
  EngineStats stats() const;
  // What has been learned by the requests that ended, to be `known` to another engine.
  SpeculationKnowledge learned() const;

 private:
  class Loop;  // the engine's thread
  std::unique_ptr<Loop> loop_;
};

}  // namespace paceline

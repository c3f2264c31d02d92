#pragma once
// The engine's thread: admits requests to slots, runs planned steps, hands out what they settle, keeps snapshots. Only queue, totals and
// the published numbers are shared with callers.
#include <condition_variable>
#include <deque>
#include <thread>

#include "engine/engine.h"
#include "engine/lookup_drafter.h"
#include "engine/prefix_use.h"
#include "engine/request_state.h"
#include "engine/runner.h"
#include "engine/scheduler.h"

namespace paceline {

// What EngineOptions comes to on this machine with this model.
struct EngineSizes {
  int slots = 0, context = 0, max_drafts = 0, lookup_drafts = 0;
  bool adapt_depth = true;
  uint64_t slot_bytes = 0, cache_bytes = 0;
};
// Throws Error when not even one slot fits, or an option is out of range.
EngineSizes size_engine(Device& device, const Model& model, const EngineOptions& options);
RunnerOptions runner_options(const EngineOptions& options, const EngineSizes& sizes);

class Engine::Loop {
 public:
  Loop(Device& device, Model& model, const EngineOptions& options, const EngineSizes& sizes);

  std::optional<RequestHandle> submit(Request request);
  EngineStats stats() const;
  SpeculationKnowledge learned() const;

 private:
  using Clock = RequestState::Clock;

  // A place for one request at a time; its sequence keeps its memory.
  struct Slot : Candidate {
    std::unique_ptr<Sequence> memory;
    std::shared_ptr<RequestState> request;  // null: free
    PrefixUse prefix;
    int handed_out = 0;
    uint64_t pass = 0;
    int before = 0;  // length at the start of the step
    bool was_in_prompt = false;
    Clock::time_point started, first_token;
    std::vector<float> logprobs;  // of the tokens this step settled
    std::vector<std::vector<TokenLogprob>> alternatives;
  };

  void check(const Request& request) const;
  void run(const std::stop_token& stop);
  bool wait_for_work(const std::stop_token& stop);
  void admit();
  void start(Slot& slot, std::shared_ptr<RequestState> request);
  void drop_cancelled();
  SpeculationLimits limits(const Slot& slot) const;
  void step();
  void deliver(Slot& slot);
  void deliver_prompt(Slot& slot);
  void deliver_pass(Slot& slot);
  std::optional<FinishReason> reason_to_end(const Slot& slot) const;
  void finish(Slot& slot, FinishReason reason, const std::string& message = {});
  void note_choice(const Sequence& sequence, int position, std::span<const float> logits, Token chosen);
  void publish(double step_seconds);

  Model& model_;
  const EngineOptions options_;
  const EngineSizes sizes_;
  std::optional<MtpDrafter> head_;
  std::optional<LookupDrafter> drafter_;
  std::optional<Runner> runner_;
  Scheduler scheduler_;  // record() and times_of_one() under mutex_
  SpeculationHistory history_;  // of the request that ended last
  PrefixCache cache_;
  std::vector<Slot> slots_;
  std::vector<Candidate*> running_;  // in order of arrival
  std::vector<Sequence*> step_;
  std::vector<std::pair<float, Token>> ranked_;  // scratch of note_choice

  mutable std::mutex mutex_;  // for what follows
  std::condition_variable_any wake_;
  std::deque<std::shared_ptr<RequestState>> queue_;
  uint64_t next_number_ = 0;
  EngineStats stats_;
  std::vector<Token> draft_ids_;  // as far as the requests that ended have shown

  std::jthread thread_;  // last: stops before anything it uses goes
};

}  // namespace paceline

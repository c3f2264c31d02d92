#pragma once
// What a RequestHandle and the engine's thread share: the request's events, its wish to end, its numbers.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "engine/engine.h"

namespace paceline {

// Hands out masks of a caller's constraint; if that throws, nothing may follow and `error` says why.
class GuardedConstraint final : public TokenConstraint {
 public:
  explicit GuardedConstraint(std::unique_ptr<TokenConstraint> inner) : inner_(std::move(inner)) {}
  std::span<const uint32_t> allowed() override;
  void accept(Token token) override;
  void rollback(int count) override;
  const std::string& error() const { return error_; }

 private:
  template <class Call>
  void guarded(Call call);

  std::unique_ptr<TokenConstraint> inner_;
  std::string error_;
};

struct RequestState {
  using Clock = std::chrono::steady_clock;

  RequestState(uint64_t its_number, Request its_request);

  // The engine's thread.
  void push(Event event);
  void finish(FinishReason reason, std::string message = {});
  // Tells the caller about what has been pushed since the last time.
  void announce();

  // The caller's.
  std::optional<Event> take();
  Event wait();

  const uint64_t number;
  Request request;  // not changed once submitted; its constraint moves into `constraint`
  std::optional<GuardedConstraint> constraint;
  std::atomic<bool> cancelled{false};
  const Clock::time_point submitted = Clock::now();

  mutable std::mutex mutex;  // for what follows
  RequestStats stats;

 private:
  Event pop();

  std::condition_variable ready_;
  std::vector<Event> events_;  // [taken_, size()) are waiting; grows only when the caller falls behind
  size_t taken_ = 0;
  bool announced_ = true;
  std::optional<Event> last_;  // Finished, once handed out
};

}  // namespace paceline

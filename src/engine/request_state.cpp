#include "engine/request_state.h"

#include <exception>

namespace paceline {

namespace {

constexpr size_t kUsualBacklog = 64;

}  // namespace

template <class Call>
void GuardedConstraint::guarded(Call call) {
  if (!error_.empty()) return;
  try {
    call();
  } catch (const std::exception& error) {
    error_ = error.what();
    if (error_.empty()) error_ = "the constraint failed";
  }
}

std::span<const uint32_t> GuardedConstraint::allowed() {
  std::span<const uint32_t> mask;
  guarded([&] { mask = inner_->allowed(); });
  return mask;
}

void GuardedConstraint::accept(Token token) {
  guarded([&] { inner_->accept(token); });
}

void GuardedConstraint::rollback(int count) {
  guarded([&] { inner_->rollback(count); });
}

RequestState::RequestState(uint64_t its_number, Request its_request)
    : number(its_number), request(std::move(its_request)) {
  if (request.constraint) constraint.emplace(std::move(request.constraint));
  stats.prompt_tokens = static_cast<int>(request.prompt.size());
  events_.reserve(kUsualBacklog);
}

void RequestState::push(Event event) {
  const std::lock_guard lock(mutex);
  if (event.kind == Event::Kind::NewToken) ++stats.generated_tokens;
  events_.push_back(std::move(event));
  announced_ = false;
}

void RequestState::finish(FinishReason reason, std::string message) {
  constraint.reset();
  Event event;
  event.kind = Event::Kind::Finished;
  event.reason = reason;
  event.message = std::move(message);
  const std::lock_guard lock(mutex);
  stats.finished = true;
  events_.push_back(std::move(event));
  announced_ = false;
}

void RequestState::announce() {
  {
    const std::lock_guard lock(mutex);
    if (announced_) return;
    announced_ = true;
  }
  ready_.notify_all();
  if (request.on_ready) request.on_ready();
}

Event RequestState::pop() {
  if (last_) return *last_;
  Event event = std::move(events_[taken_++]);
  if (taken_ == events_.size()) events_.clear(), taken_ = 0;
  if (event.kind == Event::Kind::Finished) last_ = event;
  return event;
}

std::optional<Event> RequestState::take() {
  const std::lock_guard lock(mutex);
  if (!last_ && taken_ == events_.size()) return std::nullopt;
  return pop();
}

Event RequestState::wait() {
  std::unique_lock lock(mutex);
  ready_.wait(lock, [&] { return last_ || taken_ < events_.size(); });
  return pop();
}

}  // namespace paceline

#include "serve/log_queue.h"

#include <chrono>
#include <utility>

#include "base/strings.h"

namespace paceline {

LogQueue::LogQueue(std::function<void(const std::string&)> write) : state_(std::make_shared<State>()) {
  state_->write = std::move(write);
  thread_ = std::thread([state = state_] { state->run(); });
}

LogQueue::~LogQueue() {
  std::unique_lock lock(state_->mutex);
  state_->ending = true;
  state_->changed.notify_all();
  const bool ended = state_->changed.wait_for(lock, std::chrono::seconds(1), [this] { return state_->ended; });
  lock.unlock();
  if (ended) thread_.join();
  else thread_.detach();
}

void LogQueue::add(std::string line) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->lines.size() < kMostLines) state_->lines.push_back(std::move(line));
    else ++state_->lost;
  }
  state_->changed.notify_all();
}

void LogQueue::State::run() {
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [this] { return ending || !lines.empty(); });
    if (lines.empty()) break;
    std::string line = std::move(lines.front());
    lines.pop_front();
    if (lines.empty() && lost > 0)
      lines.push_back(cat(std::exchange(lost, 0), " log lines were lost: nobody took them"));
    lock.unlock();
    write(line);
    lock.lock();
  }
  ended = true;
  changed.notify_all();
}

}  // namespace paceline

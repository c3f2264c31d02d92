#include "serve/worker.h"

#include <future>

namespace paceline {

Worker::Worker() : thread_([this] { run(); }) {}

void Worker::stop() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  tasks_.clear();
  later_.clear();
}

void Worker::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return;
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
}

void Worker::post_after(std::chrono::steady_clock::duration delay, std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return;
    later_.emplace(std::chrono::steady_clock::now() + delay, std::move(task));
  }
  changed_.notify_one();
}

void Worker::flush() {
  std::promise<void> done;
  post([&done] { done.set_value(); });
  done.get_future().wait();
}

std::function<void()> Worker::next_task() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (ending_) return nullptr;
    while (!later_.empty() && later_.begin()->first <= std::chrono::steady_clock::now())
      tasks_.push_back(std::move(later_.extract(later_.begin()).mapped()));
    if (!tasks_.empty()) break;
    if (later_.empty()) changed_.wait(lock);
    else changed_.wait_until(lock, std::chrono::steady_clock::time_point(later_.begin()->first));
  }
  std::function<void()> task = std::move(tasks_.front());
  tasks_.pop_front();
  return task;
}

void Worker::run() {
  while (const auto task = next_task()) task();
}

}  // namespace paceline

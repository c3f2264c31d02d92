#pragma once
// One thread that does what is posted to it, in order: reading requests, rendering templates, writing answers. What it owns needs no lock.
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace paceline {

class Worker {
 public:
  Worker();
  ~Worker() { stop(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void post(std::function<void()> task);  // a task must not throw
  void post_after(std::chrono::steady_clock::duration delay, std::function<void()> task);
  // Waits until what has been posted is done.
  void flush();
  // The end: waits for the task that runs; what has not begun, and what is still posted, is dropped. The worker itself must outlive who posts.
  void stop();

 private:
  void run();
  std::function<void()> next_task();  // null: the end

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::multimap<std::chrono::steady_clock::time_point, std::function<void()>> later_;
  bool ending_ = false;
  std::thread thread_;  // last: starts when the rest is there
};

}  // namespace paceline

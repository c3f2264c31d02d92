#pragma once
// Log lines on their way to a writer that may block: a terminal that is held, a pipe that nobody reads. Whoever adds a line never waits;
// what does not fit is dropped and counted.
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace paceline {

class LogQueue {
 public:
  // `write` is called on a thread of its own, one line at a time, and must stay valid to the end of the process: a writer that blocks for
  // ever is left behind.
  explicit LogQueue(std::function<void(const std::string&)> write);
  ~LogQueue();  // what waits is written, if that takes no more than a second
  LogQueue(const LogQueue&) = delete;
  LogQueue& operator=(const LogQueue&) = delete;

  void add(std::string line);

  static constexpr size_t kMostLines = 4096;

 private:
  struct State {
    std::function<void(const std::string&)> write;
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::string> lines;
    size_t lost = 0;
    bool ending = false, ended = false;
    void run();
  };
  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace paceline

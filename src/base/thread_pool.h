#pragma once
// Fork and join for loops over indices. The calling thread takes part; the others wait by spinning, then yielding, then parking, so a
// fork costs well below a microsecond while a step runs and nothing while the program idles.
//
// Invariants: every index of a job is handed out exactly once; run() returns when all of them are done. Each thread starts on its own
// share of the range (the same share for the same count: caches and NUMA nodes stay warm) and then helps the others, so a thread that
// lost its CPU delays a job by one chunk at most. What is computed must not depend on who computes it.
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace paceline {

class ThreadPool {
 public:
  // `threads` in all, the caller included. Beyond the usable CPUs nobody spins.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return thread_count_; }

  // body(begin, end, thread) over [0, count) in pieces of at most `grain`; thread is in [0, size()). Not reentrant; one caller at a
  // time; the body must not throw.
  template <class Body>
  void run(int64_t count, int64_t grain, Body&& body) {
    if (count <= 0) return;
    if (thread_count_ == 1 || count <= grain) {
      body(int64_t{0}, count, 0);
      return;
    }
    using Plain = std::remove_reference_t<Body>;
    fork(count, grain, const_cast<void*>(static_cast<const void*>(&body)),
         [](void* context, int64_t begin, int64_t end, int thread) {
           (*static_cast<Plain*>(context))(begin, end, thread);
         });
  }

 private:
  using Function = void (*)(void* context, int64_t begin, int64_t end, int thread);

  struct alignas(128) Share {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
  };

  void fork(int64_t count, int64_t grain, void* context, Function function);
  void drain(int thread);
  void drain_share(Share& share, int thread);
  void worker(int thread);
  uint32_t wait_for_job(uint32_t seen);

  const int thread_count_;
  const int spin_count_;
  std::unique_ptr<Share[]> shares_;
  // The job; written by the caller while nobody is inside.
  void* context_ = nullptr;
  Function function_ = nullptr;
  int64_t grain_ = 1;
  // epoch << 12 | open << 11 | threads inside. A worker enters only while the job is open, so the caller may leave, and reuse the
  // fields above, as soon as it has closed the job and nobody is inside: it never waits for a thread that did not start.
  alignas(128) std::atomic<uint32_t> state_{0};
  alignas(128) std::atomic<int> parked_{0};
  std::atomic<bool> stopping_{false};
  std::vector<std::jthread> threads_;
};

}  // namespace paceline

#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <cfenv>

#include "base/cpu_info.h"
#include "base/error.h"

namespace paceline {

namespace {

constexpr uint32_t kOpen = 1u << 11, kInside = kOpen - 1, kEpoch = 1u << 12;
constexpr int kSpins = 2000;  // pauses: a few dozen microseconds, longer than any gap inside a step
constexpr int kYields = 100;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads)
    : thread_count_(std::clamp(threads, 1, static_cast<int>(kInside))),
      spin_count_(thread_count_ <= usable_cpu_count() ? kSpins : 0),
      shares_(new Share[static_cast<size_t>(thread_count_)]) {
  for (int thread = 1; thread < thread_count_; ++thread) threads_.emplace_back([this, thread] { worker(thread); });
}

ThreadPool::~ThreadPool() {
  stopping_.store(true);
  state_.fetch_add(kEpoch);
  state_.notify_all();
}

void ThreadPool::fork(int64_t count, int64_t grain, void* context, Function function) {
  context_ = context;
  function_ = function;
  grain_ = std::max<int64_t>(grain, 1);
  for (int thread = 0; thread < thread_count_; ++thread) {
    Share& share = shares_[static_cast<size_t>(thread)];
    share.next.store(count * thread / thread_count_, std::memory_order_relaxed);
    share.end = count * (thread + 1) / thread_count_;
  }
  const uint32_t epoch = (state_.load(std::memory_order_relaxed) & ~(kEpoch - 1)) + kEpoch;
  state_.store(epoch | kOpen, std::memory_order_seq_cst);
  if (parked_.load(std::memory_order_seq_cst) > 0) state_.notify_all();

  drain(0);
  state_.fetch_and(~kOpen, std::memory_order_acq_rel);
  for (int spins = 0; (state_.load(std::memory_order_acquire) & kInside) != 0; ++spins) {
    if (spins < spin_count_) pause();
    else ::sched_yield();
  }
}

// Own share first, then the others', beginning with the neighbour.
void ThreadPool::drain(int thread) {
  for (int i = 0; i < thread_count_; ++i)
    drain_share(shares_[static_cast<size_t>((thread + i) % thread_count_)], thread);
}

void ThreadPool::drain_share(Share& share, int thread) {
  while (share.next.load(std::memory_order_relaxed) < share.end) {
    const int64_t begin = share.next.fetch_add(grain_, std::memory_order_relaxed);
    if (begin >= share.end) return;
    function_(context_, begin, std::min(begin + grain_, share.end), thread);
  }
}

void ThreadPool::worker(int thread) {
  // Rounding, flush-to-zero and denormals-are-zero at their defaults (denormals are kept) in every thread, whatever the creator had:
  // the same bits whoever computes them.
  std::fesetenv(FE_DFL_ENV);
  uint32_t seen = 0;
  for (;;) {
    uint32_t state = wait_for_job(seen);
    if (stopping_.load(std::memory_order_acquire)) return;
    seen = state & ~(kEpoch - 1);
    while ((state & kOpen) != 0 && (state & ~(kEpoch - 1)) == seen)
      if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acquire, std::memory_order_relaxed)) {
        drain(thread);
        state_.fetch_sub(1, std::memory_order_release);
        break;
      }
  }
}

// The state once its epoch is no longer `seen`.
uint32_t ThreadPool::wait_for_job(uint32_t seen) {
  const auto is_new = [seen](uint32_t state) { return (state & ~(kEpoch - 1)) != seen; };
  for (int i = 0; i < spin_count_; ++i, pause())
    if (const uint32_t state = state_.load(std::memory_order_acquire); is_new(state)) return state;
  for (int i = 0; i < kYields; ++i, ::sched_yield())
    if (const uint32_t state = state_.load(std::memory_order_acquire); is_new(state)) return state;
  parked_.fetch_add(1, std::memory_order_seq_cst);
  uint32_t state = state_.load(std::memory_order_seq_cst);
  while (!is_new(state)) {
    state_.wait(state, std::memory_order_acquire);
    state = state_.load(std::memory_order_seq_cst);
  }
  parked_.fetch_sub(1, std::memory_order_relaxed);
  return state;
}

}  // namespace paceline

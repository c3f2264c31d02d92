#include "base/machine_limits.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>

#include "base/cpu_info.h"
#include "base/thread_pool.h"

namespace paceline {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

constexpr size_t kLargePage = size_t{2} << 20, kBytes = size_t{512} << 20;
constexpr int64_t kStreams = 4, kLineWords = 8;

// Line by line from each stream in turn; words of a stream follow each other.
uint64_t sum_of(const uint64_t* words, int64_t count) {
  const int64_t length = count / kStreams;
  uint64_t sums[kLineWords] = {};
  for (int64_t i = 0; i + kLineWords <= length; i += kLineWords)
    for (int64_t stream = 0; stream < kStreams; ++stream)
      for (int64_t j = 0; j < kLineWords; ++j) sums[j] ^= words[stream * length + i + j];
  uint64_t sum = 0;
  for (const uint64_t one : sums) sum ^= one;
  return sum;
}

// Twelve independent chains of 64-byte dot products, in assembly so that this file needs no instruction set.
void dot_products(int64_t rounds) {
#if defined(__x86_64__)
  asm volatile(
      "1:\n"
      "vpdpbusd %%zmm16, %%zmm17, %%zmm0\n vpdpbusd %%zmm16, %%zmm17, %%zmm1\n vpdpbusd %%zmm16, %%zmm17, %%zmm2\n"
      "vpdpbusd %%zmm16, %%zmm17, %%zmm3\n vpdpbusd %%zmm16, %%zmm17, %%zmm4\n vpdpbusd %%zmm16, %%zmm17, %%zmm5\n"
      "vpdpbusd %%zmm16, %%zmm17, %%zmm6\n vpdpbusd %%zmm16, %%zmm17, %%zmm7\n vpdpbusd %%zmm16, %%zmm17, %%zmm8\n"
      "vpdpbusd %%zmm16, %%zmm17, %%zmm9\n vpdpbusd %%zmm16, %%zmm17, %%zmm10\n vpdpbusd %%zmm16, %%zmm17, %%zmm11\n"
      "dec %0\n jnz 1b\n vzeroupper\n"
      : "+r"(rounds)
      :
      : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11");
#else
  (void)rounds;
#endif
}

}  // namespace

void MachineLimits::Free::operator()(uint64_t* memory) const { std::free(memory); }

MachineLimits::MachineLimits(int threads)
    : threads_(threads), memory_(static_cast<uint64_t*>(std::aligned_alloc(kLargePage, kBytes))) {
  if (memory_ == nullptr) throw std::bad_alloc();
  ::madvise(memory_.get(), kBytes, MADV_HUGEPAGE);  // no harm where the system has none
  std::fill_n(memory_.get(), kBytes / sizeof(uint64_t), 1);
}

double MachineLimits::read_gb_s() {
  ThreadPool pool(threads_);
  const auto start = Clock::now();
  std::atomic<uint64_t> sum{0};
  const int64_t share = static_cast<int64_t>(kBytes / sizeof(uint64_t)) / threads_;
  pool.run(threads_, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) sum ^= sum_of(memory_.get() + i * share, share);
  });
  const volatile uint64_t keep = sum;
  (void)keep;
  return static_cast<double>(share * threads_ * 8) / seconds_since(start) * 1e-9;
}

double MachineLimits::int8_gop_s() {
  if (!cpu_has_avx512()) return 0;
  constexpr int64_t kRounds = 4000000;
  ThreadPool pool(threads_);
  const auto start = Clock::now();
  pool.run(threads_, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) dot_products(kRounds);
  });
  return static_cast<double>(kRounds * threads_ * 12 * 64 * 2) / seconds_since(start) * 1e-9;
}

}  // namespace paceline

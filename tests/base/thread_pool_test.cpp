#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <cfenv>
#include <chrono>
#include <thread>

#include "base/cpu_info.h"

namespace paceline {
namespace {

// How often each index was handed out, and whether the pieces kept to the grain.
std::vector<int> visits(ThreadPool& pool, int64_t count, int64_t grain) {
  std::vector<std::atomic<int>> seen(static_cast<size_t>(count));
  std::atomic<bool> well_formed{true};
  pool.run(count, grain, [&](int64_t begin, int64_t end, int thread) {
    const bool whole = begin == 0 && end == count;  // a job of one piece runs where it is
    if (begin >= end || (end - begin > grain && !(whole && pool.size() == 1)) || thread < 0 || thread >= pool.size())
      well_formed = false;
    for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
  });
  EXPECT_TRUE(well_formed);
  return {seen.begin(), seen.end()};
}

TEST(ThreadPool, EveryIndexOnce) {
  for (const int threads : {1, 2, 3, 7}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    for (const int64_t count : {0, 1, 2, 3, 10, 63, 1000})
      for (const int64_t grain : {1, 3, 64})
        EXPECT_EQ(visits(pool, count, grain), std::vector<int>(static_cast<size_t>(count), 1));
  }
}

// Results of a job are visible to the caller, and jobs do not run into each other.
TEST(ThreadPool, ManyShortJobs) {
  ThreadPool pool(3);
  std::vector<int64_t> values(24);
  for (int64_t job = 0; job < 20000; ++job) {
    pool.run(24, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) values[static_cast<size_t>(i)] = job * i;
    });
    for (int64_t i = 0; i < 24; ++i) ASSERT_EQ(values[static_cast<size_t>(i)], job * i) << "job " << job;
  }
}

TEST(ThreadPool, WakesParkedThreads) {
  ThreadPool pool(2);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    // Two pieces that wait for each other need two threads inside.
    std::atomic<int> inside{0};
    pool.run(2, 1, [&](int64_t, int64_t, int) {
      ++inside;
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (inside < 2 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    });
    EXPECT_EQ(inside, 2);
  }
}

// A thread that holds up its share does not hold up the rest of it: others take over.
TEST(ThreadPool, OthersFinishTheShareOfASlowThread) {
  ThreadPool pool(2);
  std::atomic<int> done{0};
  std::atomic<int> others{0};
  pool.run(64, 1, [&](int64_t begin, int64_t, int) {
    if (begin == 0) {  // the caller's first piece lasts until all the others are done
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (done < 63 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
      others = done.load();
    }
    ++done;
  });
  EXPECT_EQ(others, 63);
  EXPECT_EQ(done, 64);
}

TEST(ThreadPool, ManyMoreThreadsThanCpus) {
  ThreadPool pool(4 * usable_cpu_count() + 1);
  const auto start = std::chrono::steady_clock::now();
  std::atomic<int64_t> sum{0};
  for (int job = 0; job < 500; ++job) pool.run(64, 1, [&](int64_t begin, int64_t end, int) { sum += end - begin; });
  EXPECT_EQ(sum, 500 * 64);
  // Spinning threads that wait for threads without a CPU would take 500 time slices or more.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

// The same rounding and denormals in every thread, even when the creator changed its own.
TEST(ThreadPool, FloatingPointEnvironmentIsTheDefault) {
  std::fenv_t before;
  std::fegetenv(&before);
  std::fesetround(FE_UPWARD);
  std::atomic<int> rounding{-1};
  {
    ThreadPool pool(2);
    pool.run(2, 1, [&](int64_t, int64_t, int thread) {
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      if (thread == 1) rounding = std::fegetround();
      while (rounding < 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    });
  }
  std::fesetenv(&before);
  EXPECT_EQ(rounding, FE_TONEAREST);
}

TEST(CpuInfo, CountsAreSane) {
  EXPECT_GE(physical_core_count(), 1);
  EXPECT_LE(physical_core_count(), usable_cpu_count());
  EXPECT_TRUE(!cpu_has_avx512() || cpu_has_avx2());
  EXPECT_TRUE(!cpu_has_avx_vnni() || cpu_has_avx2());
}

}  // namespace
}  // namespace paceline

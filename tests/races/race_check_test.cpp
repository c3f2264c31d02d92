// The race check: what it calls a race in kernels that are compiled as the checked device is, and what it does not.
#include <gtest/gtest.h>

#include "cuda_emulator/device_memory.h"
#include "cuda_emulator/runtime.h"

namespace cuda_emulator {
namespace {

struct Values {
  int values[64];
  signed char bytes[64];
};

class Races : public testing::Test {
 protected:
  static Values& shared() { return *static_cast<Values*>(shared_memory(sizeof(Values))); }
  static int me() { return static_cast<int>(threadIdx.x); }

  // What is said of two blocks of two warps, "" for nothing.
  template <class Kernel>
  std::string found_in(Kernel kernel) {
    const DeviceMemoryAccess access;
    try {
      run_grid({"kernel", dim3(2), dim3(64), sizeof(Values)}, kernel);
    } catch (const Violation& violation) {
      const std::string text = violation.what();
      return text.substr(text.find(", thread") + 2);
    }
    return "";
  }

  int* const device = static_cast<int*>(allocate_device_memory(1024));
  ~Races() override { free_device_memory(device); }
};

TEST_F(Races, ABarrierOrdersABlock) {
  const auto kernel = [](bool waits) {
    shared().values[me()] = me();
    if (waits) __syncthreads();
    const int other = shared().values[me() ^ 32];
    if (waits) __syncthreads();
    shared().values[me()] = other;
  };
  EXPECT_EQ(found_in([&] { kernel(true); }), "");
  EXPECT_EQ(found_in([&] { kernel(false); }),
            "thread 32 writes byte 128 of shared memory, which others read, in no order");
}

TEST_F(Races, WhatIsReadMayBeWrittenBehindTheNextBarrierOnly) {
  const auto kernel = [](bool waits) {
    shared().values[me()] = me();
    __syncthreads();
    shared().bytes[me()] = static_cast<signed char>(shared().values[0]);
    if (waits) __syncthreads();
    if (me() == 63) shared().values[0] = 1;
  };
  EXPECT_EQ(found_in([&] { kernel(true); }), "");
  EXPECT_EQ(found_in([&] { kernel(false); }),
            "thread 63 writes byte 0 of shared memory, which others read, in no order");
}

TEST_F(Races, SyncwarpOrdersItsLanesAndNoOthers) {
  const auto kernel = [](unsigned mask, int distance) {
    shared().values[me()] = me();
    if (me() % 32 < 16 || mask == 0xffffffffu) __syncwarp(mask);
    if (me() % 32 < 16) shared().bytes[me()] = static_cast<signed char>(shared().values[(me() + distance) % 64]);
  };
  EXPECT_EQ(found_in([&] { kernel(0xffffffffu, 16); }), "");
  EXPECT_NE(found_in([&] { kernel(0xffffu, 16); }), "");  // lanes that did not take part
  EXPECT_NE(found_in([&] { kernel(0xffffffffu, 32); }), "");  // another warp's
}

TEST_F(Races, AShuffleOrdersNothing) {
  EXPECT_NE(found_in([] {
              shared().values[me()] = me();
              __shfl_xor_sync(0xffffffffu, 1, 1);
              shared().bytes[me()] = static_cast<signed char>(shared().values[me() ^ 1]);
            }),
            "");
}

TEST_F(Races, OrderIsHandedOnFromLaneToLane) {
  const auto kernel = [](unsigned second) {
    if (me() == 0) shared().values[0] = 7;
    if (me() < 2) __syncwarp(3u);
    if (me() < 3 && (second >> me() & 1) != 0) __syncwarp(second);
    if (me() == 2) shared().values[1] = shared().values[0];
  };
  EXPECT_EQ(found_in([&] { kernel(6u); }), "");  // 0 with 1, 1 with 2
  EXPECT_NE(found_in([&] { kernel(4u); }), "");
}

TEST_F(Races, BlocksAreNotOrdered) {
  EXPECT_EQ(found_in([this] { device[me() + 64 * static_cast<int>(blockIdx.x)] = me(); }), "");
  EXPECT_NE(found_in([this] { device[me()] = me(); }).find("memory, which another block's thread 0 writes"),
            std::string::npos);
  EXPECT_NE(found_in([this] {
              const int other = device[me()];
              __syncthreads();
              if (blockIdx.x == 1) device[me()] = other;
            }).find("which another block reads"),
            std::string::npos);
}

TEST_F(Races, GridsAre) {
  for (int grid = 0; grid < 3; ++grid)
    EXPECT_EQ(found_in([this] {
                if (blockIdx.x == 0) device[me()] = device[me()] + 1;
              }),
              "");
}

TEST_F(Races, BytesOfAWordMayBeDifferentThreads) {
  EXPECT_EQ(found_in([] {
              shared().bytes[me()] = 1;
              shared().bytes[me()] = static_cast<signed char>(shared().bytes[me()] + 1);
            }),
            "");
  EXPECT_NE(found_in([] {
              shared().bytes[me()] = 1;
              if (me() == 5) *reinterpret_cast<int*>(shared().bytes + 8) = 0;  // four of them
            }),
            "");
}

TEST_F(Races, AtomicOperationsAreOrderedWithEachOtherAlone) {
  const auto kernel = [](bool waits) {
    if (me() == 0) shared().values[0] = 0;
    __syncthreads();
    atomicAdd(&shared().values[0], 1);
    if (waits) __syncthreads();
    shared().bytes[me()] = static_cast<signed char>(shared().values[0]);
  };
  EXPECT_EQ(found_in([&] { kernel(true); }), "");
  EXPECT_NE(found_in([&] { kernel(false); }), "");
}

TEST_F(Races, AnAsynchronousCopyMayHappenAtAnyTimeUntilItIsWaitedFor) {
  enum { Nothing, NoSyncBefore, NoSyncBehind };
  const auto kernel = [this](int without) {
    const int lane = me() % 32;
    int* const mine = shared().values + me() / 32 * 32;
    mine[lane] = me();
    __syncwarp();
    const int before = mine[lane ^ 1];
    if (without != NoSyncBefore) __syncwarp();
    if (lane < 8) copy_async(mine + 4 * lane, device + 4 * lane, 16);
    commit_async_copies();
    wait_async_copies(0);
    if (without != NoSyncBehind) __syncwarp();
    shared().bytes[me()] = static_cast<signed char>(before + mine[lane]);
  };
  EXPECT_EQ(found_in([&] { kernel(Nothing); }), "");
  EXPECT_NE(found_in([&] { kernel(NoSyncBefore); }), "");
  EXPECT_NE(found_in([&] { kernel(NoSyncBehind); }), "");
}

TEST_F(Races, WhatIsReadAsConstantIsNotWritten) {
  EXPECT_NE(found_in([this] {
              if (blockIdx.x != 0) return;
              note_access(device + me(), 4, Access::ReadConstant);
              device[me()] = 1;
            }).find("reads as constant"),
            std::string::npos);
  EXPECT_NE(found_in([this] {
              if (blockIdx.x != 0) return;
              device[me()] = 1;
              note_access(device + me(), 4, Access::ReadConstant);
            }).find("which this grid writes"),
            std::string::npos);
}

TEST_F(Races, AccessesBehindSharedMemory) {
  EXPECT_NE(found_in([this] {
              auto* const end = reinterpret_cast<const int4*>(&shared() + 1);
              if (me() == 0) device[0] = end[1].x;
            }).find("of shared memory, which has 320"),
            std::string::npos);
  EXPECT_NE(found_in([] {
              note_access(reinterpret_cast<std::byte*>(&shared() + 1) - 4, 16, Access::Read);
            }).find("accesses 16 bytes at byte 316"),
            std::string::npos);
}

TEST_F(Races, AccessesOutsideOfAnyPieceAndBeforeTheGridBeforeHasEnded) {
  EXPECT_NE(found_in([this] { device[me()] = device[300]; }).find("no piece of device memory"), std::string::npos);
  const DeviceMemoryAccess access;
  EXPECT_THROW(run_grid({"kernel", dim3(1), dim3(32), 0, true},
                        [this] {
                          const int early = device[me()];
                          wait_for_previous_kernel();
                          device[me()] = early;
                        }),
               Violation);
}

}  // namespace
}  // namespace cuda_emulator

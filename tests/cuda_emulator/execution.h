#pragma once
// Runs the threads of a block as fibers of one operating-system thread. A thread runs until it waits; when all wait for the same barrier, they
// go on; when nobody can, that is the error the hardware would have answered by hanging or by wrong numbers.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

#include "cuda_emulator/vector_types.h"

namespace cuda_emulator {

// A kernel broke a rule of the execution model.
class Violation : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Launch {
  std::string kernel;
  dim3 blocks, threads;  // threads.y and .z are 1
  size_t shared_bytes = 0;
  bool waits_itself = false;  // a thread that ends without wait_for_previous_kernel() is a violation
};

// Of threads and blocks; asynchronous copies happen when they are waited for, at once, and by turns.
enum class Order { Forward, Reverse, Shuffled };
// From CUDA_EMULATOR_ORDER unless set before the first launch.
void set_order(Order order);

// Runs the whole grid. Throws Violation, naming kernel, block and thread.
void run_grid(const Launch& launch, const std::function<void()>& kernel);

// --- for the running thread of a block ---

// __syncthreads()
void block_barrier();
// Kernels run one after the other here, so that there is nothing to wait for; that every thread asks is checked.
void wait_for_previous_kernel();
// Nothing happens; bytes that are not one piece of device memory, or not whole pieces of 16, are a violation.
void prefetch(const void* address, size_t bytes);
// The block's shared memory; a type larger than what was asked for at the launch is a violation.
void* shared_memory(size_t bytes);
[[noreturn]] void violate(const std::string& what);
[[noreturn]] void violate_alignment(size_t bytes);
inline void require_alignment(const void* address, size_t bytes) {
  if (reinterpret_cast<uintptr_t>(address) % bytes != 0) violate_alignment(bytes);
}

// What kernels do to memory, told before they do it; nothing is told where they were compiled without (race_hooks.cpp). ReadConstant: of what the
// grid must not write.
enum class Access { Read, ReadConstant, Write, Atomic };
void check_races();  // from now on, in kernels that tell: race_check.h
void note_access(const void* at, size_t bytes, Access access);

// Asynchronous copies of the running thread.
void copy_async(void* shared, const void* global, size_t bytes);
void commit_async_copies();
void wait_async_copies(int groups_under_way);

// What a lane of a warp gives to a collective and gets from it. Lanes that do not take part are null.
struct LaneWords {
  uint32_t in[12], out[4];
};
constexpr int kWarpLanes = 32;
using Collective = void (*)(LaneWords* (&lanes)[kWarpLanes]);
// The one that orders what its lanes do to memory.
void synchronise(LaneWords* (&lanes)[kWarpLanes]);

// The running lane gives `count` words and waits until all lanes of `mask` have come with the same collective; then it gets four words.
void meet_warp(Collective collective, const char* name, unsigned mask, const uint32_t* words, int count,
               uint32_t (&result)[4]);

}  // namespace cuda_emulator

inline void __syncthreads() { cuda_emulator::block_barrier(); }

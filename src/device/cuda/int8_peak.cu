// The int8 peak: chains of the tensor-core product m16n8k32 and nothing else.
//
// Called by `paceline bench` beside its measurements. Operands stay in registers; a warp has eight chains that do not wait for each other, a
// multiprocessor sixteen warps, so that every tensor core has always something to begin. Share of peak: it is the peak, of this
// instruction; compute capability 9.0 has others, for whole groups of warps, that reach more.
#include <chrono>

#include "device/cuda/int8_peak.h"
#include "device/cuda/intrinsics.h"
#include "device/cuda/launch.h"

namespace paceline::cuda {

namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarpLanes, kBlocksEach = 2;  // of a multiprocessor
constexpr int kChains = 8;  // of a warp
constexpr double kOperations = 2.0 * 16 * 8 * 32;  // of a product
constexpr double kEnoughSeconds = 5e-3;  // against the microseconds of a launch
constexpr int kMostRounds = 1 << 24;

struct ChainTask {
  int rounds;
  int* sums;  // one for each thread
};

__global__ void __launch_bounds__(kThreads, kBlocksEach) int8_chains_kernel(ChainTask task) {
  wait_for_previous_kernel();
  const uint32_t word = threadIdx.x * 0x01030507u;
  const uint32_t a[4] = {word, word + 1, word + 2, word + 3}, b[2] = {~word, word + 5};
  int sums[kChains][4] = {};
  for (int round = 0; round < task.rounds; ++round)
#pragma unroll
    for (int chain = 0; chain < kChains; ++chain) multiply_bytes_16x8x32(sums[chain], a, b);
  int all = 0;
#pragma unroll
  for (int chain = 0; chain < kChains; ++chain)
#pragma unroll
    for (int i = 0; i < 4; ++i) all ^= sums[chain][i];
  task.sums[blockIdx.x * kThreads + threadIdx.x] = all;
}

}  // namespace

double int8_gop_s(CudaContext& context) {
  using Clock = std::chrono::steady_clock;
  const int blocks = kBlocksEach * context.multiprocessor_count;
  const DeviceBytes sums(static_cast<size_t>(blocks) * kThreads * sizeof(int));
  const Grid grid{"int8 peak", dim3(static_cast<unsigned>(blocks)), kThreads};
  const auto seconds_of = [&](int rounds) {
    const auto start = Clock::now();
    launch(int8_chains_kernel, grid, context, ChainTask{rounds, static_cast<int*>(sums.data())});
    check(cudaStreamSynchronize(context.stream), "measuring the int8 peak");
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  seconds_of(1);  // loads the kernel
  int rounds = 1;
  double seconds = seconds_of(rounds);
  for (; seconds < kEnoughSeconds && rounds < kMostRounds; seconds = seconds_of(rounds)) rounds *= 2;
  return 1e-9 * kOperations * kChains * kWarps * blocks * rounds / seconds;
}

}  // namespace paceline::cuda

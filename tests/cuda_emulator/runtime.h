#pragma once
// The part of the CUDA runtime that src/device/cuda uses, on the CPU: kernels compiled by the C++ compiler run with the execution model's
// rules, and what hardware would punish is an error here. For tests; nothing about speed can be learned from it.
//
// - A grid's blocks run one after the other; the threads of a block are fibers that meet at barriers and warp collectives (execution.h,
//   warp.h). Threads that miss a barrier, lanes that miss a collective, out-of-range shared memory, misaligned wide loads: errors.
// - Shared memory is poisoned (NaN) before each block, device memory when it is allocated.
// - The stream is a queue: nothing happens until something waits for it, so host memory that is changed too early shows.
// - A stream can be captured: launches, copies and clearings are written down with their arguments, and a graph runs them again, reading memory
//   as it is then. What waits for the device or moves memory is refused meanwhile, and so are, more strictly than by the real runtime, events
//   and copies of memory that is not pinned. One capture at a time.
// - Device memory may be touched by kernels and copies only; the host's access to it is a segmentation fault (device_memory.h).
// - CUDA_EMULATOR_ORDER=forward|reverse|shuffled in the environment: the order of a grid's blocks and a block's threads. What differs between
//   two orders is a race. CUDA_EMULATOR_MIB: how much device memory there is. CUDA_EMULATOR_CAPABILITY: which
//   compute capability it has instead of 8.6.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "cuda_emulator/execution.h"
#include "cuda_emulator/vector_types.h"
#include "cuda_emulator/warp.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorNoDevice = 100,
  cudaErrorIllegalState = 401,
  cudaErrorNotReady = 600,
  cudaErrorLaunchFailure = 719,
  cudaErrorStreamCaptureUnsupported = 900,
  cudaErrorStreamCaptureInvalidated = 901,
};
enum cudaMemcpyKind { cudaMemcpyHostToHost, cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };

struct cudaDeviceProp {
  char name[256];
  size_t totalGlobalMem, sharedMemPerBlockOptin, sharedMemPerMultiprocessor;
  int major, minor, multiProcessorCount;
};

// Streams are queues of one device and run in the order of asking, as one.
struct EmulatedStream {};
struct EmulatedEvent {
  uint64_t position = 0;  // in the queue; 0: not recorded
  std::shared_ptr<double> seconds;  // when the queue got there; null: no timing
};
struct EmulatedGraph;
struct EmulatedGraphExec;
using cudaStream_t = EmulatedStream*;
using cudaEvent_t = EmulatedEvent*;
using cudaGraph_t = EmulatedGraph*;
using cudaGraphExec_t = EmulatedGraphExec*;
enum cudaStreamCaptureMode {
  cudaStreamCaptureModeGlobal,
  cudaStreamCaptureModeThreadLocal,
  cudaStreamCaptureModeRelaxed
};

inline constexpr unsigned cudaStreamNonBlocking = 1, cudaEventDefault = 0, cudaEventDisableTiming = 2;

// What went wrong last in a kernel is part of the text for cudaErrorLaunchFailure.
const char* cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetLastError();

cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total_bytes);

cudaError_t cudaMalloc(void** memory, size_t bytes);
cudaError_t cudaFree(void* memory);
cudaError_t cudaMallocHost(void** memory, size_t bytes);
cudaError_t cudaFreeHost(void* memory);

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaDeviceSynchronize();

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventQuery(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end);

// Host memory from cudaMallocHost is read or written when the queue gets there; other host memory at once, after the queue.
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                              size_t height, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t stream);
cudaError_t cudaMemset2DAsync(void* memory, size_t pitch, int value, size_t width, size_t height, cudaStream_t stream);

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long flags);
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec);

namespace cuda_emulator {

// Queues a kernel. Refuses what the runtime would refuse.
cudaError_t launch(const Launch& shape, cudaStream_t stream, std::function<void()> kernel);

}  // namespace cuda_emulator

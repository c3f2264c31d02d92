#include "cuda_emulator/runtime.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>

#include "cuda_emulator/device_memory.h"
#include "cuda_emulator/queue.h"

namespace cuda_emulator {

Runtime& runtime() {
  static Runtime* const state = new Runtime;  // outlives every static that uses the device
  return *state;
}

bool is_capturing(cudaStream_t stream) { return runtime().capture != nullptr && runtime().capture->stream == stream; }

void enqueue(cudaStream_t stream, Work work) {
  if (is_capturing(stream)) {
    runtime().capture->nodes.push_back(std::move(work));
    return;
  }
  runtime().queue.push_back(std::move(work));
  ++runtime().queued;
}

bool refuses_while_capturing() {
  if (runtime().capture == nullptr || runtime().capture->thread != std::this_thread::get_id()) return false;
  runtime().capture->is_invalid = true;
  return true;
}

}  // namespace cuda_emulator

namespace {

using cuda_emulator::DeviceMemoryAccess;
using cuda_emulator::enqueue;
using cuda_emulator::Lock;
using cuda_emulator::refuses_while_capturing;
using cuda_emulator::Runtime;
using cuda_emulator::runtime;

cudaError_t run_until(uint64_t position) {
  Runtime& state = runtime();
  if (state.done < position) {
    const DeviceMemoryAccess access;
    while (state.done < position && state.failure.empty()) {
      const std::function<void()> work = std::move(state.queue.front());
      state.queue.pop_front();
      ++state.done;
      try {
        work();
      } catch (const cuda_emulator::Violation& violation) {
        state.failure = violation.what();
      }
    }
  }
  return state.failure.empty() ? cudaSuccess : cudaErrorLaunchFailure;
}

bool is_pinned(const void* memory) {
  const auto& pinned = runtime().pinned;
  const auto* at = static_cast<const std::byte*>(memory);
  const auto after = pinned.upper_bound(at);
  if (after == pinned.begin()) return false;
  const auto piece = std::prev(after);
  return at < piece->first + piece->second;
}

// The sides that a copy of that kind says are the device's must be, and no others.
bool fits_kind(const void* to, const void* from, cudaMemcpyKind kind) {
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice,
             from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  return cuda_emulator::is_device_memory(to) == to_device && cuda_emulator::is_device_memory(from) == from_device;
}

}  // namespace

namespace cuda_emulator {

cudaError_t launch(const Launch& shape, cudaStream_t stream, std::function<void()> kernel) {
  const Lock lock(runtime().mutex);
  const dim3 &blocks = shape.blocks, &threads = shape.threads;
  if (threads.x < 1 || threads.x > 1024 || threads.y != 1 || threads.z != 1) return cudaErrorInvalidValue;
  if (blocks.x < 1 || blocks.y < 1 || blocks.z < 1 || blocks.y > 65535 || blocks.z > 65535)
    return cudaErrorInvalidValue;
  cudaDeviceProp properties;
  cudaGetDeviceProperties(&properties, 0);
  if (shape.shared_bytes > properties.sharedMemPerBlockOptin) return cudaErrorInvalidValue;
  enqueue(stream, [shape, kernel = std::move(kernel)] { run_grid(shape, kernel); });
  return cudaSuccess;
}

}  // namespace cuda_emulator

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return "no error";
    case cudaErrorInvalidValue: return "invalid argument";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorNoDevice: return "no CUDA-capable device is detected";
    case cudaErrorIllegalState: return "the operation cannot be performed in the present state";
    case cudaErrorStreamCaptureUnsupported: return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated: return "operation failed due to a previous error during capture";
    case cudaErrorNotReady: return "device not ready";
    case cudaErrorLaunchFailure: return runtime().failure.c_str();
  }
  return "unknown error";
}

cudaError_t cudaGetLastError() { return cudaSuccess; }

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}

// As small as the smallest hardware: shared memory of compute capability 8.6, few multiprocessors, so that small tests fill them.
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return cudaErrorInvalidValue;
  *properties = {};
  std::strncpy(properties->name, "emulator", sizeof properties->name - 1);
  properties->totalGlobalMem = cuda_emulator::device_memory_bytes();
  properties->sharedMemPerBlockOptin = 99 * 1024;
  properties->sharedMemPerMultiprocessor = 100 * 1024;
  properties->major = 8, properties->minor = 6;
  if (const char* text = std::getenv("CUDA_EMULATOR_CAPABILITY"))
    std::sscanf(text, "%d.%d", &properties->major, &properties->minor);
  properties->multiProcessorCount = 4;
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = 12030;
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total_bytes) {
  const Lock lock(runtime().mutex);
  *free_bytes = cuda_emulator::free_device_bytes();
  *total_bytes = cuda_emulator::device_memory_bytes();
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** memory, size_t bytes) {
  const Lock lock(runtime().mutex);
  if (refuses_while_capturing()) return cudaErrorStreamCaptureUnsupported;
  *memory = cuda_emulator::allocate_device_memory(bytes);
  return *memory == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
}

// Waits for the device, as the real one does.
cudaError_t cudaFree(void* memory) {
  const Lock lock(runtime().mutex);
  if (memory == nullptr) return cudaSuccess;
  if (refuses_while_capturing()) return cudaErrorStreamCaptureUnsupported;
  const cudaError_t status = cudaDeviceSynchronize();
  try {
    if (!cuda_emulator::free_device_memory(memory)) return cudaErrorInvalidValue;
  } catch (const cuda_emulator::Violation& violation) {
    runtime().failure = violation.what();
    return cudaErrorLaunchFailure;
  }
  return status;
}

cudaError_t cudaMallocHost(void** memory, size_t bytes) {
  const Lock lock(runtime().mutex);
  if (refuses_while_capturing()) return cudaErrorStreamCaptureUnsupported;
  *memory = std::malloc(bytes);
  if (*memory == nullptr) return cudaErrorMemoryAllocation;
  runtime().pinned[static_cast<const std::byte*>(*memory)] = bytes;
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void* memory) {
  const Lock lock(runtime().mutex);
  if (refuses_while_capturing()) return cudaErrorStreamCaptureUnsupported;
  const cudaError_t status = cudaDeviceSynchronize();
  if (runtime().pinned.erase(static_cast<const std::byte*>(memory)) == 0) return cudaErrorInvalidValue;
  std::free(memory);
  return status;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new EmulatedStream;
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const Lock lock(runtime().mutex);
  if (refuses_while_capturing()) return cudaErrorStreamCaptureUnsupported;
  const cudaError_t status = cudaDeviceSynchronize();
  delete stream;
  return status;
}

cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaDeviceSynchronize(); }

cudaError_t cudaDeviceSynchronize() {
  const Lock lock(runtime().mutex);
  if (refuses_while_capturing()) return cudaErrorStreamCaptureUnsupported;
  return run_until(runtime().queued);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  *event = new EmulatedEvent;
  if ((flags & cudaEventDisableTiming) == 0) (*event)->seconds = std::make_shared<double>();
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const Lock lock(runtime().mutex);
  if (refuses_while_capturing()) return cudaErrorStreamCaptureUnsupported;
  if (event->seconds != nullptr)
    enqueue(stream, [at = event->seconds] {
      *at = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
    });
  event->position = runtime().queued;
  return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const Lock lock(runtime().mutex);
  if (refuses_while_capturing()) return cudaErrorStreamCaptureUnsupported;
  return run_until(event->position);
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  const Lock lock(runtime().mutex);
  if (refuses_while_capturing()) return cudaErrorStreamCaptureUnsupported;
  return runtime().done >= event->position ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  const Lock lock(runtime().mutex);
  if (refuses_while_capturing()) return cudaErrorStreamCaptureUnsupported;
  for (const cudaEvent_t event : {start, end}) {
    if (event->seconds == nullptr || event->position == 0) return cudaErrorInvalidValue;
    if (runtime().done < event->position) return cudaErrorNotReady;
  }
  *milliseconds = static_cast<float>(1e3 * (*end->seconds - *start->seconds));
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  return cudaMemcpy2DAsync(to, bytes, from, bytes, bytes, 1, kind, stream);
}

cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                              size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
  const Lock lock(runtime().mutex);
  if (width == 0 || height == 0) return cudaSuccess;
  if (width > to_pitch || width > from_pitch || !fits_kind(to, from, kind)) return cudaErrorInvalidValue;
  const bool later = kind == cudaMemcpyDeviceToDevice || is_pinned(kind == cudaMemcpyHostToDevice ? from : to);
  if (!later && refuses_while_capturing()) return cudaErrorStreamCaptureUnsupported;
  enqueue(stream, [=] {
    for (size_t row = 0; row < height; ++row)
      std::memcpy(static_cast<std::byte*>(to) + row * to_pitch, static_cast<const std::byte*>(from) + row * from_pitch,
                  width);
  });
  return later ? cudaSuccess : cudaDeviceSynchronize();
}

cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t stream) {
  return cudaMemset2DAsync(memory, bytes, value, bytes, 1, stream);
}

cudaError_t cudaMemset2DAsync(void* memory, size_t pitch, int value, size_t width, size_t height, cudaStream_t stream) {
  const Lock lock(runtime().mutex);
  if (width > pitch || !cuda_emulator::is_device_memory(memory)) return cudaErrorInvalidValue;
  enqueue(stream, [=] {
    for (size_t row = 0; row < height; ++row) std::memset(static_cast<std::byte*>(memory) + row * pitch, value, width);
  });
  return cudaSuccess;
}

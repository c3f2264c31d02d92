#include "device/cuda/memory.h"

#include <algorithm>
#include <utility>

namespace paceline::cuda {

DeviceBytes::DeviceBytes(size_t bytes) {
  const cudaError_t status = cudaMalloc(&data_, std::max<size_t>(bytes, 1));
  if (status == cudaSuccess) return;
  data_ = nullptr;
  size_t free_bytes = 0, total_bytes = 0;
  if (status == cudaErrorMemoryAllocation && cudaMemGetInfo(&free_bytes, &total_bytes) == cudaSuccess)
    fail("cuda: cannot allocate ", human_bytes(bytes), ": ", human_bytes(free_bytes), " of ", human_bytes(total_bytes),
         " are free on the device");
  check(status, "allocating memory");
}

DeviceBytes::~DeviceBytes() { cudaFree(data_); }

DeviceBytes& DeviceBytes::operator=(DeviceBytes&& other) noexcept {
  std::swap(data_, other.data_);
  return *this;
}

void* DeviceScratch::get_bytes(size_t bytes) {
  if (bytes > bytes_) {
    watch_.expect_no_capture("an operation's scratch memory grows");
    ++watch_.moves;
    memory_ = DeviceBytes();
    bytes_ = 0;
    memory_ = DeviceBytes(bytes + bytes / 2);
    bytes_ = bytes + bytes / 2;
  }
  return memory_.data();
}

StreamEvent::StreamEvent(bool is_timed) {
  check(cudaEventCreateWithFlags(&event_, is_timed ? cudaEventDefault : cudaEventDisableTiming), "creating an event");
}

StreamEvent::~StreamEvent() { cudaEventDestroy(event_); }

PinnedBytes::PinnedBytes(size_t bytes) { check(cudaMallocHost(&data_, bytes), "allocating pinned memory of the host"); }

PinnedBytes::~PinnedBytes() {
  if (data_ != nullptr) cudaFreeHost(data_);
}

}  // namespace paceline::cuda

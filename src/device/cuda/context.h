#pragma once
// What every launcher of this folder is given: the stream and memory to work in. One of each device, owned by CudaDevice; used by one thread
// at a time.
#include <cstddef>
#include <cstdint>
#include <memory>

#include "device/cuda/platform.h"

namespace paceline::cuda {

// Device memory, 256-byte aligned, not cleared. Throws Error that says how much was wanted and how much is free. Freeing it waits for the device.
class DeviceBytes {
 public:
  DeviceBytes() = default;
  explicit DeviceBytes(size_t bytes);
  ~DeviceBytes();
  DeviceBytes(DeviceBytes&& other) noexcept : data_(other.data_) { other.data_ = nullptr; }
  DeviceBytes& operator=(DeviceBytes&& other) noexcept;

  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
};

// Memory an operation needs while it runs: grows when a shape is seen for the first time, is then reused. Contents are not kept; work on the
// stream that still uses an earlier, smaller piece finishes first.
class DeviceScratch {
 public:
  template <class Value>
  Value* get(size_t count) {
    return static_cast<Value*>(get_bytes(count * sizeof(Value)));
  }

 private:
  void* get_bytes(size_t bytes);

  DeviceBytes memory_;
  size_t bytes_ = 0;
};

// Memory of the host that the device copies from and to by itself ("pinned").
class PinnedBytes {
 public:
  explicit PinnedBytes(size_t bytes);
  ~PinnedBytes();
  PinnedBytes(PinnedBytes&& other) noexcept : data_(other.data_) { other.data_ = nullptr; }
  PinnedBytes& operator=(PinnedBytes&&) = delete;

  std::byte* data() const { return static_cast<std::byte*>(data_); }

 private:
  void* data_ = nullptr;
};

struct CudaContext {
  CudaContext();  // of the process' first visible device; throws Error when there is none
  ~CudaContext();
  CudaContext(const CudaContext&) = delete;
  CudaContext& operator=(const CudaContext&) = delete;

  // Host memory to device memory in stream order: `rows` pieces of `row_bytes`, `pitch_bytes` apart on the device, dense on the host. The host
  // memory is free again when it returns; it waits for the device only while all staging buffers are under way.
  void upload(void* to, size_t pitch_bytes, const void* from, size_t row_bytes, size_t rows);
  void upload(void* to, const void* from, size_t bytes) { upload(to, bytes, from, bytes, 1); }
  // Device memory to host memory, waits until it is there.
  void download(void* to, const void* from, size_t pitch_bytes, size_t row_bytes, size_t rows);

  cudaStream_t stream = nullptr;
  int multiprocessor_count = 0;
  size_t shared_bytes_per_block = 0;  // the most a kernel may ask for
  cudaDeviceProp properties{};

  // Of one operation each.
  DeviceScratch attention_scratch, recurrent_scratch, argmax_scratch, candidate_scratch, merged_candidate_scratch;
  DeviceScratch activation_scratch, expert_scratch;

 private:
  struct Staging;
  std::unique_ptr<Staging> staging_;
};

}  // namespace paceline::cuda

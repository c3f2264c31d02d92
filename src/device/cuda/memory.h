#pragma once
// Memory of the device and pinned memory of the host, and what captured graphs (graph_cache.h) ask of them: a graph holds addresses, so whoever
// moves or frees a piece that may be in one says so.
#include <cstddef>
#include <cstdint>
#include <memory>

#include "device/cuda/platform.h"

namespace paceline::cuda {

// One of each device, shared with everything that owns a piece of its memory.
struct MemoryWatch {
  bool is_capturing = false;  // a step, into a graph
  uint64_t moves = 0;  // of pieces that a graph may hold the address of: moved, or gone

  // Throws Error "cuda: <what> while a step is captured". For everything that waits for the device, or moves memory.
  void expect_no_capture(const char* what) const {
    if (is_capturing) fail("cuda: ", what, " while a step is captured, expected before or behind it");
  }
};

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
  explicit DeviceScratch(MemoryWatch& watch) : watch_(watch) {}

  template <class Value>
  Value* get(size_t count) {
    return static_cast<Value*>(get_bytes(count * sizeof(Value)));
  }

 private:
  void* get_bytes(size_t bytes);

  MemoryWatch& watch_;
  DeviceBytes memory_;
  size_t bytes_ = 0;
};

// A moment in a stream's work, which can be waited for; one that is timed also says when it was.
class StreamEvent {
 public:
  explicit StreamEvent(bool is_timed = false);
  ~StreamEvent();
  StreamEvent(const StreamEvent&) = delete;
  StreamEvent& operator=(const StreamEvent&) = delete;

  operator cudaEvent_t() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
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

}  // namespace paceline::cuda

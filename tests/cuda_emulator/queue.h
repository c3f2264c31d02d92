#pragma once
// The emulated device's one queue, and the capture that may stand in front of it. For the files of this folder that are the runtime.
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cuda_emulator/runtime.h"

namespace cuda_emulator {

using Work = std::function<void()>;

// What is asked of a stream while it captures is written down here instead of being queued.
struct Capture {
  cudaStream_t stream = nullptr;
  std::thread::id thread;
  std::vector<Work> nodes;
  bool is_invalid = false;  // a call was refused
};

struct Runtime {
  std::recursive_mutex mutex;
  std::deque<Work> queue;
  uint64_t queued = 0, done = 0;
  std::map<const std::byte*, size_t> pinned;
  std::unique_ptr<Capture> capture;  // null: none under way
  std::string failure;  // sticky, as a real device's
};

Runtime& runtime();
using Lock = std::lock_guard<std::recursive_mutex>;

// In the order of asking; into the capture when it is that stream's.
void enqueue(cudaStream_t stream, Work work);
// Whether the calling thread is capturing, so that a call which would wait for the device or move memory has to be refused. The capture is then
// invalid, as the real one is.
bool refuses_while_capturing();
bool is_capturing(cudaStream_t stream);

}  // namespace cuda_emulator

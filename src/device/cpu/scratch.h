#pragma once
// Memory an operation needs while it runs: grows when a shape is seen for the first time, is then reused. Contents are not kept.
#include <memory>

#include "device/host_memory.h"

namespace paceline::cpu {

class Scratch {
 public:
  // `count` values, 64-byte aligned, with 256 bytes behind them that may be read (never written) by full vectors.
  template <class Value>
  Value* get(size_t count) {
    const size_t bytes = count * sizeof(Value) + 256;
    if (bytes > bytes_) {
      memory_.reset();
      bytes_ = bytes + bytes / 2;
      memory_ = allocate_host_bytes(bytes_);
    }
    return static_cast<Value*>(memory_->data());
  }

 private:
  std::unique_ptr<Allocation> memory_;
  size_t bytes_ = 0;
};

}  // namespace paceline::cpu

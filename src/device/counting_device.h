#pragma once
// A device without memory: a model is loaded into it as into the device it stands for, and all that happens is that bytes are counted. So a
// plan (app/offload_plan.h) knows what a model takes before any of it is loaded, from the model's own code. It cannot compute.
#include "device/forwarding_device.h"

namespace paceline {

class CountingDevice final : public ForwardingDevice {
 public:
  // Counts what loading into `like` would take.
  explicit CountingDevice(Device& like) : ForwardingDevice(like) {}

  uint64_t bytes() const { return bytes_; }

  OwnedTensor allocate(DType dtype, int rows, int cols) override;
  WeightPtr load(const QuantMatrix& matrix, WeightUse use, int expert_count) override;
  void write(Tensor, const void*) override {}
  void clear(Tensor) override {}

 private:
  void count(uint64_t bytes);

  uint64_t bytes_ = 0;
};

}  // namespace paceline

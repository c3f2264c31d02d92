#pragma once
// Two devices for one model: the first blocks live on one of them, everything else on the other, the main device. Operations called here are
// the main device's; models ask layer_device() where a block lives and move what they compute between the two (model/stages.h). A block's
// results have the bits of the device it lives on.
#include "device/forwarding_device.h"

namespace paceline {

class SplitDevice final : public ForwardingDevice {
 public:
  // Blocks [0, first_blocks) live on `first`. Both devices outlive this one. One of the two computes in the host's memory.
  SplitDevice(Device& main, Device& first, int first_blocks);

  std::string description() const override;
  Device& layer_device(int layer) override { return layer < first_blocks_ ? first_ : *this; }
  double copy_gb_s() override { return 0; }
  double int8_gop_s() override { return 0; }
  // run() is not passed on: a pass visits the other device in its middle, so there is nothing to capture.

 private:
  Device& first_;
  int first_blocks_;
};

}  // namespace paceline

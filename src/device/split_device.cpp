#include "device/split_device.h"

namespace paceline {

SplitDevice::SplitDevice(Device& main, Device& first, int first_blocks)
    : ForwardingDevice(main), first_(first), first_blocks_(first_blocks) {
  PACELINE_ASSERT(main.memory_is_host() || first.memory_is_host());
}

std::string SplitDevice::description() const {
  if (first_blocks_ == 0) return inner_.description();
  return cat(inner_.description(), "; the first ", first_blocks_, first_blocks_ == 1 ? " block" : " blocks", " on ",
             first_.description());
}

}  // namespace paceline

#pragma once
#include <memory>

#include "device/device.h"

namespace paceline {

// Threads and instruction set from the options. Throws Error for a set that is unknown or that this machine lacks.
std::unique_ptr<Device> open_cpu_device(const DeviceOptions& options);

}  // namespace paceline

#pragma once
#include <memory>
#include <string>

#include "device/device.h"

namespace paceline {

// Why there is no GPU to open, "" when there is one.
std::string missing_cuda_device();

// The process' first visible GPU; options.threads load weights. Throws Error when there is none.
std::unique_ptr<Device> open_cuda_device(const DeviceOptions& options);

}  // namespace paceline

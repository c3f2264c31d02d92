#pragma once
#include <memory>

#include "device/device.h"

namespace paceline {

std::unique_ptr<Device> open_reference_device();

}  // namespace paceline

#pragma once
// --device, --isa, -t and llama.cpp's -ngl together: which device a command opens.
#include <string>

#include "app/arguments.h"
#include "device/device.h"

namespace paceline {

// What the flags ask for. `cuda_missing`: why there is no CUDA device, "" when there is one (cuda_device_missing()); `layer_count`: of the
// model, for -ngl. Notes for the user, such as that -ngl had nothing to put layers on, are added to `note`. Throws UsageError for flags that
// contradict each other and for a part of the layers.
DeviceOptions choose_device(const Arguments& arguments, const std::string& cuda_missing, int64_t layer_count,
                            std::string& note);

}  // namespace paceline

#pragma once
// --device, --isa, -t, --cuda-graphs and llama.cpp's -ngl together: which device a command opens.
#include <functional>
#include <string>

#include "app/arguments.h"
#include "device/device.h"

namespace paceline {

// Why there is no CUDA device, "" when there is one: cuda_device_missing(). Asking wakes the driver, which takes time, so it is asked only
// where the flags depend on the answer.
using MissingCuda = std::function<std::string()>;

// What the flags ask for. `layer_count`: of the model, for -ngl. Notes for the user, such as that -ngl had nothing to put layers on, are added to `note`. Throws UsageError for flags that
// contradict each other and for a part of the layers.
DeviceOptions choose_device(const Arguments& arguments, const MissingCuda& cuda_missing, int64_t layer_count,
                            std::string& note);

}  // namespace paceline

#pragma once
// --device, --isa, -t, --cuda-graphs and llama.cpp's -ngl together: which device a command opens, and how many layers a GPU gets.
#include <functional>
#include <optional>
#include <string>

#include "app/arguments.h"
#include "app/offload_plan.h"
#include "device/device.h"

namespace paceline {

// What is asked of the machine.
struct GpuQuestions {
  // Why there is no CUDA device, "" when there is one: cuda_device_missing(). Asking wakes the driver, which takes time, so it is asked only
  // where the flags depend on the answer.
  std::function<std::string()> missing;
  std::function<std::string()> unused_note;  // unused_gpu_note()
};

struct DeviceChoice {
  DeviceOptions options;
  std::optional<LayerWish> layers;  // of a GPU
  DeviceOptions cpu_options;  // of the CPU that takes the other layers
};

// What the flags ask for. Notes for the user, such as that -ngl had nothing to put layers on, are added to `note`. Throws UsageError for flags that
// contradict each other.
DeviceChoice choose_device(const Arguments& arguments, const GpuQuestions& gpu, std::string& note);

}  // namespace paceline

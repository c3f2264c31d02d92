// The one file that knows which devices there are.
#include <filesystem>

#include "device/cpu/open_cpu.h"
#include "device/device.h"
#include "device/reference/open_reference.h"
#ifdef PACELINE_WITH_CUDA
#include "device/cuda/open_cuda.h"
#endif

namespace paceline {

namespace {

void expect_no_isa(const DeviceOptions& options) {
  if (!options.isa.empty())
    fail("the ", options.kind, " device has no instruction sets, expected no --isa (got ", options.isa, ")");
}

#ifdef PACELINE_WITH_CUDA
constexpr const char* kHowToUseAGpu = "the GPU is not used; --device auto puts as many layers there as fit";
std::string missing_cuda() { return missing_cuda_device(); }
std::unique_ptr<Device> open_cuda(const DeviceOptions& options) { return open_cuda_device(options); }
#else
constexpr const char* kHowToUseAGpu =
    "the GPU is not used: this paceline was built without CUDA, as there was no nvcc or PACELINE_CUDA=OFF";
std::string missing_cuda() { return "this paceline was built without CUDA"; }
std::unique_ptr<Device> open_cuda(const DeviceOptions&) { fail(missing_cuda()); }
#endif

}  // namespace

std::unique_ptr<Device> open_device(const DeviceOptions& options) {
  if (options.kind == "cpu") return open_cpu_device(options);
  if (options.kind != "reference" && options.kind != "cuda")
    fail("there is no device \"", options.kind, "\", expected cpu, cuda or reference");
  expect_no_isa(options);
  if (options.kind == "reference") return open_reference_device();
  if (const std::string missing = missing_cuda(); !missing.empty())
    fail("there is no cuda device here: ", missing, "; expected --device cpu or reference");
  return open_cuda(options);
}

std::string cuda_device_missing() { return missing_cuda(); }

std::string unused_gpu_note() {
  std::error_code ignored;
  return std::filesystem::exists("/dev/nvidiactl", ignored) ? kHowToUseAGpu : "";
}

}  // namespace paceline

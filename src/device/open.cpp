// The one file that knows which devices there are.
#include "device/cpu/open_cpu.h"
#include "device/device.h"
#include "device/reference/open_reference.h"

namespace paceline {

std::unique_ptr<Device> open_device(const DeviceOptions& options) {
  if (options.kind == "cpu") return open_cpu_device(options);
  if (options.kind == "reference") {
    if (!options.isa.empty())
      fail("the reference device has no instruction sets, expected no --isa (got ", options.isa, ")");
    return open_reference_device();
  }
  fail("there is no device \"", options.kind, "\", expected cpu or reference");
}

}  // namespace paceline

#include <cstdio>
#include <cstring>
#include <string>

#include "op_suite/suite.h"

using namespace paceline;

namespace {

// Null, and said aloud, when this machine has no such device.
std::unique_ptr<Device> open(const DeviceOptions& options) {
  try {
    return open_device(options);
  } catch (const Error& error) {
    std::printf("SKIPPED: %s\n", error.what());
    return nullptr;
  }
}

int run(const DeviceOptions& options, const std::string& filter) {
  const std::unique_ptr<Device> oracle = open_device({.kind = "reference", .threads = 0, .isa = ""});
  const std::unique_ptr<Device> device = open(options);
  if (device == nullptr) return 77;  // ctest reads this exit status as "skipped"
  op_suite::Suite suite(*device, *oracle, filter);
  op_suite::test_dense(suite);
  op_suite::test_candidates(suite);
  op_suite::test_matrices(suite);
  op_suite::test_experts(suite);
  op_suite::test_sequences(suite);
  std::printf("%s: %d passed, %d failed\n", device->description().c_str(), suite.passed(), suite.failed());
  return suite.failed() == 0 && suite.passed() > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  DeviceOptions options;
  std::string filter;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const bool has_value = i + 1 < argc;
    if (flag == "--device" && has_value) options.kind = argv[++i];
    else if (flag == "--isa" && has_value) options.isa = argv[++i];
    else if (flag == "--threads" && has_value) options.threads = std::stoi(argv[++i]);
    else filter = flag;
  }
  try {
    return run(options, filter);
  } catch (const Error& error) {
    // What fails behind the opening is the device's own doing, such as a kernel that the GPU stopped.
    std::printf("FAILED: %s\n", error.what());
    return 1;
  }
}

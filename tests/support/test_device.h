#pragma once
// The devices that checks take from their command lines: "--device D", or "--device D --split N --first F" for a device whose first N blocks are
// on F and the rest on D.
#include <memory>
#include <string>
#include <utility>

#include "device/split_device.h"

namespace paceline::test {

struct TestDeviceOptions : DeviceOptions {
  int split = 0;  // blocks on the other device
  std::string first = "cpu";
};

// A split that owns its parts.
class OwnedSplit final : public ForwardingDevice {
 public:
  OwnedSplit(std::unique_ptr<Device> main, std::unique_ptr<Device> first, int first_blocks)
      : ForwardingDevice(static_cast<Device&>(split_)),
        main_(std::move(main)),
        first_(std::move(first)),
        split_(*main_, *first_, first_blocks) {}

 private:
  std::unique_ptr<Device> main_, first_;
  SplitDevice split_;
};

inline std::unique_ptr<Device> open_test_device(const TestDeviceOptions& options) {
  std::unique_ptr<Device> main = open_device(options);
  if (options.split == 0) return main;
  std::unique_ptr<Device> first = open_device({.kind = options.first, .threads = options.threads, .isa = ""});
  return std::make_unique<OwnedSplit>(std::move(main), std::move(first), options.split);
}

// Takes "--device", "--isa", "--split" or "--first" and its value at argv[i], then i is the value's index; false for any other word.
inline bool take_device_flag(int argc, char** argv, int& i, TestDeviceOptions& options) {
  const std::string flag = argv[i];
  if (i + 1 >= argc) return false;
  if (flag == "--device") options.kind = argv[++i];
  else if (flag == "--isa") options.isa = argv[++i];
  else if (flag == "--split") options.split = std::stoi(argv[++i]);
  else if (flag == "--first") options.first = argv[++i];
  else return false;
  return true;
}

}  // namespace paceline::test

#include "base/memory_info.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace paceline {

namespace {

constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

std::optional<uint64_t> number_in(const std::string& path) {
  std::ifstream file(path);
  uint64_t value = 0;
  return file >> value ? std::optional(value) : std::nullopt;
}

uint64_t system_available() {
  std::ifstream file("/proc/meminfo");
  std::string key, unit;
  for (uint64_t kib = 0; file >> key >> kib; std::getline(file, unit))
    if (key == "MemAvailable:") return kib * 1024;
  return kUnlimited;
}

// "max" is not a number: no limit. Version 2 of control groups, then version 1.
uint64_t group_available() {
  for (const auto& [limit_file, used_file] :
       {std::pair("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        std::pair("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes")}) {
    const auto limit = number_in(limit_file), used = number_in(used_file);
    if (limit && used) return *limit > *used ? *limit - *used : 0;
  }
  return kUnlimited;
}

}  // namespace

uint64_t available_memory_bytes() { return std::min(system_available(), group_available()); }

}  // namespace paceline

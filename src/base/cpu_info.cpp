#include "base/cpu_info.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <utility>
#include <vector>

#include "base/strings.h"

namespace paceline {

namespace {

std::vector<int> usable_cpus() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  std::vector<int> cpus;
  if (::sched_getaffinity(0, sizeof mask, &mask) == 0)
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &mask)) cpus.push_back(cpu);
  return cpus;
}

// A number from /sys, or `otherwise` where there is none (containers without /sys).
int read_topology(int cpu, const char* what, int otherwise) {
  std::ifstream file(cat("/sys/devices/system/cpu/cpu", cpu, "/topology/", what));
  int value = 0;
  return file >> value ? value : otherwise;
}

}  // namespace

int usable_cpu_count() { return std::max(1, static_cast<int>(usable_cpus().size())); }

int physical_core_count() {
  std::set<std::pair<int, int>> cores;
  for (const int cpu : usable_cpus())
    cores.emplace(read_topology(cpu, "physical_package_id", 0), read_topology(cpu, "core_id", cpu));
  return std::max(1, static_cast<int>(cores.size()));
}

bool cpu_has_avx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
#else
  return false;
#endif
}

bool cpu_has_avx_vnni() {
#if defined(__x86_64__)
  return cpu_has_avx2() && __builtin_cpu_supports("avxvnni");
#else
  return false;
#endif
}

bool cpu_has_avx512() {
#if defined(__x86_64__)
  return cpu_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vnni");
#else
  return false;
#endif
}

bool cpu_is_intel() {
#if defined(__x86_64__)
  return __builtin_cpu_is("intel");
#else
  return false;
#endif
}

// AMD's family 19h is Zen 3 and Zen 4; of these only Zen 4 has AVX-512.
bool cpu_is_zen4() {
#if defined(__x86_64__)
  return __builtin_cpu_is("amdfam19h") && cpu_has_avx512();
#else
  return false;
#endif
}

}  // namespace paceline

#pragma once
// How much memory this process may still take. Linux only.
#include <cstdint>

namespace paceline {

// What the system has available without swapping, or what is left of the control group's limit where that is less.
uint64_t available_memory_bytes();

}  // namespace paceline

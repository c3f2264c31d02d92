#pragma once
// How often this program has called operator new so far, in all threads.
#include <cstdint>

namespace paceline {

int64_t allocation_count();

}  // namespace paceline

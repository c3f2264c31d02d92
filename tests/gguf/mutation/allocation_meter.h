#pragma once
// Counts what operator new hands out in this program, and stops it when more is alive than allowed. Works under AddressSanitizer,
// since the memory still comes from malloc.
#include <cstddef>

namespace paceline::test {

// From now on at most `bytes` more may be alive at once; 0 removes the limit. Going over prints and aborts.
void set_allocation_limit(size_t bytes);
// The most that was alive beyond the state at the last set_allocation_limit().
size_t peak_allocation();

}  // namespace paceline::test

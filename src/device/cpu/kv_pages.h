#pragma once
// Large pages for KV slabs. Attention over thousands of positions reads megabytes of every head and layer, and with small pages it waits
// for the page tables (docs/numbers.md). Memory is asked for in small pages, so that a short text takes little, and a large page's worth
// of it is merged once it is full: no byte is wasted.
#include <cstddef>

namespace paceline::cpu {

inline constexpr size_t kLargePage = size_t{2} << 20;

// Bytes between the slabs of two heads that need `bytes` each: large pages belong to one head where that costs address space only.
size_t head_pitch(size_t bytes, size_t row_bytes);

// Merges the large pages that lie within the first `filled` bytes of a head's slab and beyond what was merged when `before` were filled.
// Does nothing where the system cannot.
void merge_filled_pages(std::byte* head, size_t before, size_t filled);

}  // namespace paceline::cpu

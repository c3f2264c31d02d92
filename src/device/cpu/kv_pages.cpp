#include "device/cpu/kv_pages.h"

#include <sys/mman.h>

#include <cstdint>

namespace paceline::cpu {

namespace {

#ifdef MADV_COLLAPSE
constexpr int kCollapse = MADV_COLLAPSE;
#else
constexpr int kCollapse = 25;  // Linux 6.1; older ones refuse
#endif

}  // namespace

size_t head_pitch(size_t bytes, size_t row_bytes) {
  if (bytes < kLargePage || kLargePage % row_bytes != 0) return bytes;
  return (bytes + kLargePage - 1) / kLargePage * kLargePage;
}

void merge_filled_pages(std::byte* head, size_t before, size_t filled) {
  const uintptr_t start = reinterpret_cast<uintptr_t>(head), first = (start + kLargePage - 1) / kLargePage * kLargePage;
  for (uintptr_t page = first; page + kLargePage <= start + filled; page += kLargePage)
    if (page + kLargePage > start + before) ::madvise(reinterpret_cast<void*>(page), kLargePage, kCollapse);
}

}  // namespace paceline::cpu

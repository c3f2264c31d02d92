#include "gguf/mutation/allocation_meter.h"

#include <malloc.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>

namespace {

std::atomic<size_t> alive_bytes, limit_bytes, start_bytes, peak_bytes;

void* allocate(size_t size, size_t alignment) {
  const size_t limit = limit_bytes.load(std::memory_order_relaxed);
  // Looked at before asking for the memory: a request for 2^60 bytes must not pass for a failed allocation.
  if (limit != 0 && (size > limit || alive_bytes.load(std::memory_order_relaxed) + size > start_bytes.load() + limit)) {
    std::fprintf(stderr, "allocation limit: %zu more bytes wanted, limit %zu, alive %zu\n", size, limit,
                 alive_bytes.load() - start_bytes.load());
    std::abort();
  }
  void* memory = alignment > alignof(std::max_align_t)
                     ? std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment)
                     : std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  const size_t alive = alive_bytes.fetch_add(malloc_usable_size(memory)) + malloc_usable_size(memory);
  const size_t above = alive > start_bytes.load() ? alive - start_bytes.load() : 0;
  size_t peak = peak_bytes.load();
  while (above > peak && !peak_bytes.compare_exchange_weak(peak, above)) {
  }
  return memory;
}

void release(void* memory) {
  if (memory == nullptr) return;
  alive_bytes.fetch_sub(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

void* operator new(size_t size) { return allocate(size, 0); }
void* operator new(size_t size, std::align_val_t alignment) { return allocate(size, static_cast<size_t>(alignment)); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, size_t) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { release(memory); }

namespace paceline::test {

void set_allocation_limit(size_t bytes) {
  start_bytes = alive_bytes.load();
  peak_bytes = 0;
  limit_bytes = bytes;
}

size_t peak_allocation() { return peak_bytes; }

}  // namespace paceline::test

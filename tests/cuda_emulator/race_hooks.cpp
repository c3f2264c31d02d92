// What a compiler calls before each access to memory with -fsanitize=thread. Kernels are compiled that way for the race check, and this is
// linked instead of ThreadSanitizer, which would need a thread for each of theirs and knows no warps.
#include "cuda_emulator/execution.h"

namespace {

using cuda_emulator::Access;
using cuda_emulator::note_access;

}  // namespace

#define READ_AND_WRITE(name, bytes)                                                          \
  void __tsan_read##name(const void* at) { note_access(at, bytes, Access::Read); }           \
  void __tsan_write##name(const void* at) { note_access(at, bytes, Access::Write); }         \
  void __tsan_unaligned_read##name(const void* at) { note_access(at, bytes, Access::Read); } \
  void __tsan_unaligned_write##name(const void* at) { note_access(at, bytes, Access::Write); }

extern "C" {

READ_AND_WRITE(1, 1)
READ_AND_WRITE(2, 2)
READ_AND_WRITE(4, 4)
READ_AND_WRITE(8, 8)
READ_AND_WRITE(16, 16)
void __tsan_read_range(const void* at, size_t bytes) { note_access(at, bytes, Access::Read); }
void __tsan_write_range(const void* at, size_t bytes) { note_access(at, bytes, Access::Write); }
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_init() { cuda_emulator::check_races(); }
}

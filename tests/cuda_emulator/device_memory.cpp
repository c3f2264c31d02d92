#include "cuda_emulator/device_memory.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <new>
#include <string>

#include "cuda_emulator/execution.h"

namespace cuda_emulator {

namespace {

constexpr size_t kStep = 256, kGuardBytes = 64, kPage = 4096;
constexpr unsigned char kGuard = 0xa5, kPoison = 0xff;

struct Memory {
  std::byte* base = nullptr;
  std::map<size_t, size_t> used, free;  // offset to bytes, guard and rounding included
  std::map<size_t, size_t> asked;  // offset to bytes as asked for
  size_t used_bytes = 0, high_water = 0;
  int accesses = 0;

  Memory() {
    void* data = ::mmap(nullptr, device_memory_bytes(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED) throw std::bad_alloc();
    base = static_cast<std::byte*>(data);
    free[0] = device_memory_bytes();
  }

  // The pages of `bytes` bytes at `offset`.
  void protect(size_t offset, size_t bytes, int protection) {
    const size_t first = offset / kPage * kPage, end = (offset + bytes + kPage - 1) / kPage * kPage;
    if (end > first && ::mprotect(base + first, end - first, protection) != 0) throw std::bad_alloc();
  }
};

Memory& memory() {
  static Memory* const all = new Memory;  // outlives every static that frees a piece
  return *all;
}

// Lets this file touch one piece, at less cost than all of them.
class PieceAccess {
 public:
  PieceAccess(size_t offset, size_t bytes) : offset_(offset), bytes_(bytes) {
    if (memory().accesses == 0) memory().protect(offset_, bytes_, PROT_READ | PROT_WRITE);
  }
  ~PieceAccess() {
    if (memory().accesses == 0) memory().protect(offset_, bytes_, PROT_NONE);
  }
  PieceAccess(const PieceAccess&) = delete;
  PieceAccess& operator=(const PieceAccess&) = delete;

 private:
  size_t offset_, bytes_;
};

}  // namespace

size_t device_memory_bytes() {
  static const size_t bytes = [] {
    const char* text = std::getenv("CUDA_EMULATOR_MIB");
    return (text == nullptr ? size_t{8} << 10 : std::stoul(text)) << 20;
  }();
  return bytes;
}

const void* device_memory_begin() { return memory().base; }

void* allocate_device_memory(size_t bytes) {
  Memory& all = memory();
  const size_t wanted = (bytes + kGuardBytes + kStep - 1) / kStep * kStep;
  auto piece = all.free.begin();
  while (piece != all.free.end() && piece->second < wanted) ++piece;
  if (piece == all.free.end()) return nullptr;
  const auto [offset, size] = *piece;
  all.free.erase(piece);
  if (size > wanted) all.free[offset + wanted] = size - wanted;
  all.used[offset] = wanted;
  all.asked[offset] = bytes;
  all.used_bytes += wanted;
  all.high_water = std::max(all.high_water, offset + wanted);
  const PieceAccess access(offset, wanted);
  std::memset(all.base + offset, kPoison, bytes);
  std::memset(all.base + offset + bytes, kGuard, kGuardBytes);
  return all.base + offset;
}

bool free_device_memory(void* data) {
  Memory& all = memory();
  if (!is_device_memory(data)) return false;
  const size_t offset = static_cast<size_t>(static_cast<std::byte*>(data) - all.base);
  const auto piece = all.used.find(offset);
  if (piece == all.used.end()) return false;
  {
    const PieceAccess access(offset, piece->second);
    const std::byte* guard = all.base + offset + all.asked[offset];
    for (size_t i = 0; i < kGuardBytes; ++i)
      if (guard[i] != std::byte{kGuard})
        throw Violation("something wrote behind a piece of " + std::to_string(all.asked[offset]) +
                        " bytes of device memory");
  }
  size_t first = offset, size = piece->second;
  all.used_bytes -= size;
  all.used.erase(piece);
  all.asked.erase(offset);
  // Pages that were once large are slow to protect.
  if (all.accesses == 0) all.high_water = all.used.empty() ? 0 : all.used.rbegin()->first + all.used.rbegin()->second;
  const auto next = all.free.find(first + size);
  if (next != all.free.end()) size += next->second, all.free.erase(next);
  const auto after = all.free.lower_bound(first);
  if (after != all.free.begin()) {
    const auto before = std::prev(after);
    if (before->first + before->second == first) {
      before->second += size;
      return true;
    }
  }
  all.free[first] = size;
  return true;
}

bool is_device_memory(const void* data) {
  const Memory& all = memory();
  const auto* at = static_cast<const std::byte*>(data);
  return at >= all.base && at < all.base + device_memory_bytes();
}

bool is_allocated(const void* data, size_t bytes) {
  const Memory& all = memory();
  if (!is_device_memory(data)) return false;
  const size_t offset = static_cast<size_t>(static_cast<const std::byte*>(data) - all.base);
  const auto behind = all.asked.upper_bound(offset);
  if (behind == all.asked.begin()) return false;
  const auto piece = std::prev(behind);
  return offset + bytes <= piece->first + piece->second;
}

size_t free_device_bytes() { return device_memory_bytes() - memory().used_bytes; }

DeviceMemoryAccess::DeviceMemoryAccess() {
  if (memory().accesses++ == 0) memory().protect(0, memory().high_water, PROT_READ | PROT_WRITE);
}

DeviceMemoryAccess::~DeviceMemoryAccess() {
  if (--memory().accesses == 0) memory().protect(0, memory().high_water, PROT_NONE);
}

}  // namespace cuda_emulator

#include "device/cpu/weight_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <list>
#include <map>
#include <mutex>

#include "base/error.h"
#include "base/strings.h"

namespace paceline::cpu {

namespace {

constexpr size_t kPage = 4096, kHugePage = size_t{2} << 20, kChunk = size_t{64} << 20;

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

// A mapping that starts at a huge page, and what of it is free (offset, bytes).
class Chunk {
 public:
  explicit Chunk(size_t bytes) : bytes_(round_up(bytes, kHugePage)), mapped_bytes_(bytes_ + kHugePage) {
    mapping_ =
        ::mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping_ == MAP_FAILED) fail("cannot allocate ", human_bytes(bytes), " for weights: ", std::strerror(errno));
    first_ = reinterpret_cast<std::byte*>(round_up(reinterpret_cast<size_t>(mapping_), kHugePage));
    ::madvise(first_, bytes_, MADV_HUGEPAGE);  // no harm where the system has none
    free_.emplace(0, bytes_);
  }
  ~Chunk() { ::munmap(mapping_, mapped_bytes_); }
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;

  // nullptr: no room.
  std::byte* take(size_t bytes) {
    for (auto range = free_.begin(); range != free_.end(); ++range) {
      const auto [offset, room] = *range;
      if (room < bytes) continue;
      free_.erase(range);
      if (room > bytes) free_.emplace(offset + bytes, room - bytes);
      return first_ + offset;
    }
    return nullptr;
  }

  void give_back(std::byte* data, size_t bytes) {
    ::madvise(data, bytes, MADV_DONTNEED);  // reads as zeros from here on
    size_t offset = static_cast<size_t>(data - first_);
    auto after = free_.lower_bound(offset);
    if (after != free_.end() && offset + bytes == after->first) {
      bytes += after->second;
      after = free_.erase(after);
    }
    if (after != free_.begin()) {
      const auto before = std::prev(after);
      if (before->first + before->second == offset) {
        before->second += bytes;
        return;
      }
    }
    free_.emplace(offset, bytes);
  }

  bool is_empty() const { return free_.size() == 1 && free_.begin()->second == bytes_; }

 private:
  const size_t bytes_, mapped_bytes_;
  void* mapping_ = nullptr;
  std::byte* first_ = nullptr;
  std::map<size_t, size_t> free_;
};

// All chunks of the process.
class Chunks {
 public:
  struct Place {
    std::list<Chunk>::iterator chunk;
    std::byte* data;
  };

  Place take(size_t bytes) {
    const std::lock_guard lock(mutex_);
    for (auto chunk = chunks_.begin(); chunk != chunks_.end(); ++chunk)
      if (std::byte* data = chunk->take(bytes)) return {chunk, data};
    chunks_.emplace_front(std::max(bytes, kChunk));
    return {chunks_.begin(), chunks_.begin()->take(bytes)};
  }

  void give_back(const Place& place, size_t bytes) {
    const std::lock_guard lock(mutex_);
    place.chunk->give_back(place.data, bytes);
    if (place.chunk->is_empty()) chunks_.erase(place.chunk);
  }

 private:
  std::mutex mutex_;
  std::list<Chunk> chunks_;
};

Chunks& chunks() {
  static Chunks* const all = new Chunks;  // outlives every weight, static ones too
  return *all;
}

class WeightAllocation final : public Allocation {
 public:
  explicit WeightAllocation(size_t bytes) : bytes_(bytes), place_(chunks().take(bytes)) {}
  ~WeightAllocation() override { chunks().give_back(place_, bytes_); }
  void* data() const override { return place_.data; }

 private:
  const size_t bytes_;
  const Chunks::Place place_;
};

}  // namespace

std::unique_ptr<Allocation> allocate_weight_bytes(size_t bytes) {
  return std::make_unique<WeightAllocation>(round_up(std::max<size_t>(bytes, 1), kPage));
}

}  // namespace paceline::cpu

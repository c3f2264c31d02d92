#include "cuda_emulator/race_check.h"

#include <algorithm>
#include <iterator>

#include "base/strings.h"
#include "cuda_emulator/device_memory.h"

namespace cuda_emulator {

using paceline::cat;

RaceCheck::RaceCheck()
    : device_(static_cast<const std::byte*>(device_memory_begin())),
      device_bytes_(device_memory_bytes()),
      device_cells_(device_bytes_ / 4 / kPageCells + 1) {}

void RaceCheck::begin_grid(const void* shared, size_t shared_bytes, int threads) {
  shared_ = static_cast<const std::byte*>(shared);
  shared_bytes_ = shared_bytes;
  shared_cells_.resize(std::max(shared_cells_.size(), shared_bytes / 4 + 1));
  seen_.resize(static_cast<size_t>(threads) * kLanes);
  std::fill(std::begin(pieces_), std::end(pieces_), Piece{});
  grid_ = ++now_;
  found_.clear();
}

// A lane's own clock counts from 1; what others did is ordered up to 0, which is nothing.
void RaceCheck::begin_block() {
  block_ = ++now_;
  std::fill(seen_.begin(), seen_.end(), 0);
  for (size_t thread = 0; thread < seen_.size() / kLanes; ++thread) seen_[thread * kLanes + thread % kLanes] = 1;
}

void RaceCheck::synchronise_lanes(int first_thread, unsigned mask) {
  uint32_t all[kLanes] = {};
  uint32_t* const seen = seen_.data() + static_cast<size_t>(first_thread) * kLanes;
  for (int lane = 0; lane < kLanes; ++lane)
    if ((mask >> lane & 1) != 0)
      for (int other = 0; other < kLanes; ++other) all[other] = std::max(all[other], seen[lane * kLanes + other]);
  for (int lane = 0; lane < kLanes; ++lane) {
    if ((mask >> lane & 1) == 0) continue;
    std::copy_n(all, kLanes, seen + lane * kLanes);
    ++seen[lane * kLanes + lane];
  }
}

// Pieces come and go between grids only.
bool RaceCheck::is_in_a_piece(const void* at, size_t bytes) {
  const auto* first = static_cast<const std::byte*>(at);
  auto& [begin, end] = pieces_[reinterpret_cast<uintptr_t>(at) / 4096 % std::size(pieces_)];
  if (first >= begin && first + bytes <= end) return true;
  if (!is_allocated(at, bytes)) return false;
  begin = first, end = first + bytes;
  return true;
}

RaceCheck::Cell& RaceCheck::cell_of(size_t index, bool in_shared) {
  if (in_shared) return shared_cells_[index];
  auto& page = device_cells_[index / kPageCells];
  if (page == nullptr) page = std::make_unique<Cell[]>(kPageCells);
  return page[index % kPageCells];
}

void RaceCheck::note(int thread, const void* at, size_t bytes, Access access) {
  const auto* byte = static_cast<const std::byte*>(at);
  const bool in_shared = byte >= shared_ && byte < shared_ + shared_bytes_ + kGuardBytes;
  if (!in_shared && (byte < device_ || byte >= device_ + device_bytes_)) return;
  if (in_shared && byte + bytes > shared_ + shared_bytes_)
    return add(
        cat("accesses ", bytes, " bytes at byte ", byte - shared_, " of shared memory, which has ", shared_bytes_));
  if (!in_shared && !is_in_a_piece(at, bytes))
    return add(cat("accesses ", bytes, " bytes that are no piece of device memory"));
  const int lane = thread % kLanes;
  const uint32_t* seen = seen_.data() + static_cast<size_t>(thread) * kLanes;
  const Me me{thread, thread / kLanes, lane, seen[lane], seen, in_shared, access};
  const auto first = static_cast<size_t>(byte - (in_shared ? shared_ : device_));
  for (size_t offset = first; offset < first + bytes;) {
    Cell& cell = cell_of(offset / 4, in_shared);
    if (cell.bytes == 0 && offset % 4 == 0 && first + bytes - offset >= 4) {
      note_cell(cell, me, offset);
      offset += 4;
      continue;
    }
    if (cell.bytes == 0) {
      split_.push_back({{cell, cell, cell, cell}});
      cell.bytes = static_cast<uint32_t>(split_.size() - 1);
    }
    note_cell(split_[cell.bytes].of[offset % 4], me, offset);
    ++offset;
  }
}

// Whether nobody who is at work now did it in that interval: it was an earlier grid, or, before a barrier, this block.
bool RaceCheck::is_before(uint32_t interval, bool in_shared) const {
  return interval != now_ && (in_shared || interval < grid_ || interval >= block_);
}

// Lanes that read earlier than the last are forgotten where clocks differ: a race may be missed, none is made up.
void RaceCheck::remember_read(Cell& cell, const Me& me) const {
  if (cell.first_read_interval < grid_) cell.first_read_interval = now_, cell.is_constant = false;
  cell.is_constant |= me.access == Access::ReadConstant;
  if (cell.read_interval != now_) {
    cell.read_interval = now_, cell.read_clock = 0;
    cell.read_warp = static_cast<int16_t>(me.warp);
  }
  if (cell.read_warp != me.warp) cell.read_warp = kSeveral;
  if (me.clock > cell.read_clock) cell.read_clock = me.clock, cell.read_lanes = 0;
  if (me.clock == cell.read_clock) cell.read_lanes |= 1u << me.lane;
}

void RaceCheck::note_cell(Cell& cell, const Me& me, size_t offset) {
  check_write_before(cell, me, offset);
  if (me.access == Access::Read || me.access == Access::ReadConstant) return remember_read(cell, me);
  check_reads_before(cell, me, offset);
  cell.write_interval = now_, cell.write_clock = me.clock;
  cell.write_thread = static_cast<uint16_t>(me.thread);
  cell.write_is_atomic = me.access == Access::Atomic;
}

void RaceCheck::check_write_before(const Cell& cell, const Me& me, size_t offset) {
  if (cell.write_interval == 0 || (me.access == Access::Atomic && cell.write_is_atomic)) return;
  const int writer = cell.write_thread;
  const bool has_seen =
      writer == me.thread || (writer / kLanes == me.warp && me.seen[writer % kLanes] >= cell.write_clock);
  if (!is_before(cell.write_interval, me.in_shared) && !(cell.write_interval == now_ && has_seen))
    report(me, offset, cat(cell.write_interval < block_ ? "another block's " : "", "thread ", writer, " writes"));
  if (me.access == Access::ReadConstant && cell.write_interval >= grid_) report(me, offset, "this grid writes");
}

void RaceCheck::check_reads_before(const Cell& cell, const Me& me, size_t offset) {
  if (!me.in_shared && cell.first_read_interval >= grid_) {
    if (cell.is_constant) return report(me, offset, "this grid reads as constant");
    if (cell.first_read_interval < block_) return report(me, offset, "another block reads");
  }
  if (cell.read_interval == now_ && was_read_by_others(cell, me)) report(me, offset, "others read");
}

// In this interval, and not before a __syncwarp() that orders it.
bool RaceCheck::was_read_by_others(const Cell& cell, const Me& me) {
  if (cell.read_warp != me.warp) return true;
  for (int lane = 0; lane < kLanes; ++lane)
    if (lane != me.lane && (cell.read_lanes >> lane & 1) != 0 && me.seen[lane] < cell.read_clock) return true;
  return false;
}

void RaceCheck::report(const Me& me, size_t offset, const std::string& other) {
  const bool reads = me.access == Access::Read || me.access == Access::ReadConstant;
  add(cat(reads ? "reads" : "writes", " byte ", offset, " of ", me.in_shared ? "shared" : "the device's",
          " memory, which ", other, ", in no order"));
}

void RaceCheck::add(const std::string& what) {
  if (found_.empty()) found_ = what;
}

}  // namespace cuda_emulator

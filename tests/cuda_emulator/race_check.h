#pragma once
// Finds what two threads of a grid do to the same memory without an order between them: hardware may do either first, whatever order the
// emulator ran them in. What orders two accesses, as CUDA has it:
//   - a thread does its own in order; a block's barrier is between what is before it and what is behind it;
//   - __syncwarp() orders what its lanes did. A shuffle, a vote or a tensor-core product does not;
//   - blocks of a grid are not ordered. Grids are: every thread waits for the grid before it.
// Two reads are no race, neither are two atomic operations.
//
// Kernels tell of their accesses where they are compiled with calls before each (race_hooks.cpp); without those nothing is checked.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cuda_emulator/execution.h"

namespace cuda_emulator {

class RaceCheck {
 public:
  static constexpr size_t kGuardBytes = 64;  // behind shared memory nothing else is so near

  RaceCheck();

  // The scheduler says what happens. `shared` stays where it is until the grid ends.
  void begin_grid(const void* shared, size_t shared_bytes, int threads);
  void begin_block();
  void pass_barrier() { ++now_; }
  void synchronise_lanes(int first_thread, unsigned mask);

  // What `thread` of the block is about to do. Memory that is neither the block's nor the device's is its own.
  void note(int thread, const void* at, size_t bytes, Access access);

  // The first thing found since the grid began, "" for nothing: "reads byte 4 of shared memory, which thread 3 writes, in no order".
  const std::string& found() const { return found_; }
  void add(const std::string& what);

 private:
  // Who did something last to four bytes, or to one of them. An interval is what a block does between two barriers; they are numbered through all grids, so that the number alone says
  // which grid and block it was. 0: nobody.
  struct Cell {
    uint32_t write_interval = 0, write_clock = 0;
    uint32_t read_interval = 0, first_read_interval = 0;  // the last and, of the last grid that read, the first
    uint32_t read_clock = 0, read_lanes = 0;  // lanes of read_warp that read when their clocks said that
    int16_t read_warp = 0;  // kSeveral: not only one
    uint16_t write_thread = 0;
    bool write_is_atomic = false, is_constant = false;
    uint32_t bytes = 0;  // where this is kept for each byte, in split_
  };
  struct FourCells {
    Cell of[4];
  };
  struct Me {
    int thread, warp, lane;
    uint32_t clock;
    const uint32_t* seen;  // of each lane of the warp: the clock up to which what it did is ordered
    bool in_shared;
    Access access;
  };
  static constexpr int kSeveral = -1, kLanes = 32;
  static constexpr size_t kPageCells = 1024;

  bool is_in_a_piece(const void* at, size_t bytes);
  Cell& cell_of(size_t index, bool in_shared);
  void note_cell(Cell& cell, const Me& me, size_t offset);
  bool is_before(uint32_t interval, bool in_shared) const;
  void check_write_before(const Cell& cell, const Me& me, size_t offset);
  void check_reads_before(const Cell& cell, const Me& me, size_t offset);
  static bool was_read_by_others(const Cell& cell, const Me& me);
  void remember_read(Cell& cell, const Me& me) const;
  void report(const Me& me, size_t offset, const std::string& other);

  const std::byte *shared_ = nullptr, *device_ = nullptr;
  size_t shared_bytes_ = 0, device_bytes_ = 0;
  uint32_t grid_ = 1, block_ = 1, now_ = 1;  // the first interval of each
  std::vector<uint32_t> seen_;  // threads x kLanes
  std::vector<Cell> shared_cells_;
  std::vector<std::unique_ptr<Cell[]>> device_cells_;  // pages of kPageCells
  std::vector<FourCells> split_{1};
  struct Piece {
    const std::byte *begin = nullptr, *end = nullptr;
  } pieces_[16];  // of device memory, found lately
  std::string found_;
};

}  // namespace cuda_emulator

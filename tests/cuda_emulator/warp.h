#pragma once
// Warp collectives, under CUDA's names, and the instructions of src/device/cuda/intrinsics.h.
#include <bit>
#include <type_traits>

#include "cuda_emulator/execution.h"

namespace cuda_emulator {

void shuffle(LaneWords* (&lanes)[kWarpLanes]);
void ballot(LaneWords* (&lanes)[kWarpLanes]);
void match(LaneWords* (&lanes)[kWarpLanes]);

int dot_bytes(int a, int b, int sum);
void multiply_bytes_16x8x32(int (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);
void multiply_halves_16x8x16(float (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);
void multiply_bfloats_16x8x16(float (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);

// The value of lane `source` (0 … 31), one of the mask.
template <class T>
T value_of_lane(const char* name, unsigned mask, T value, unsigned source) {
  static_assert(sizeof(T) == 4 && std::is_trivially_copyable_v<T>);
  const uint32_t words[] = {std::bit_cast<uint32_t>(value), source};
  uint32_t result[4];
  meet_warp(shuffle, name, mask, words, 2, result);
  return std::bit_cast<T>(result[0]);
}

inline unsigned lane() { return threadIdx.x % kWarpLanes; }

}  // namespace cuda_emulator

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  const unsigned first = cuda_emulator::lane() & ~static_cast<unsigned>(width - 1);
  return cuda_emulator::value_of_lane("__shfl_sync", mask, value,
                                      first + (static_cast<unsigned>(source) & static_cast<unsigned>(width - 1)));
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits) {
  return cuda_emulator::value_of_lane("__shfl_xor_sync", mask, value,
                                      cuda_emulator::lane() ^ static_cast<unsigned>(bits));
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned distance) {
  const unsigned source = cuda_emulator::lane() + distance;
  return cuda_emulator::value_of_lane("__shfl_down_sync", mask, value, source > 31 ? cuda_emulator::lane() : source);
}

unsigned __ballot_sync(unsigned mask, int predicate);
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) == mask; }
unsigned __match_any_sync(unsigned mask, int value);  // the lanes with the same value
void __syncwarp(unsigned mask = 0xffffffffu);

int atomicAdd(int* at, int value);

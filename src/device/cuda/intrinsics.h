#pragma once
// Instructions that C++ has no word for, each as a function with an emulated twin (tests/cuda_emulator/warp.h). For .cu files.
#include <cstdint>

#include "device/cuda/platform.h"
#ifdef __CUDACC__
#include <cuda_fp16.h>
#else
#include "quant/f16.h"
#endif

namespace paceline::cuda {

inline constexpr unsigned kAllLanes = 0xffffffffu;
inline constexpr int kWarpLanes = 32;

__device__ __forceinline__ int lane_index() { return static_cast<int>(threadIdx.x % kWarpLanes); }
__device__ __forceinline__ int warp_index() { return static_cast<int>(threadIdx.x / kWarpLanes); }

// A value of `T` (4, 8 or 16 bytes) from an address that must be a multiple of its size.
template <class T>
__device__ __forceinline__ T load_wide(const void* from) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8 || sizeof(T) == 16);
#ifndef __CUDACC__
  cuda_emulator::require_alignment(from, sizeof(T));
#endif
  return *static_cast<const T*>(from);
}
template <class T>
__device__ __forceinline__ void store_wide(void* to, T value) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8 || sizeof(T) == 16);
#ifndef __CUDACC__
  cuda_emulator::require_alignment(to, sizeof(T));
#endif
  *static_cast<T*>(to) = value;
}

#ifdef __CUDACC__

__device__ __forceinline__ float half_to_float(uint16_t half) { return __half2float(__ushort_as_half(half)); }
__device__ __forceinline__ uint16_t float_to_half(float value) { return __half_as_ushort(__float2half_rn(value)); }

// lane_index(), asked again every time: what is computed from it inside a loop takes no registers outside.
__device__ __forceinline__ int lane_index_here() {
  int lane;
  asm volatile("mov.u32 %0, %%laneid;" : "=r"(lane));
  return lane;
}

// Four words that nobody asks for again, from an address that is a multiple of 16: they do not displace others from the first-level cache. What
// they are must not be written while the kernel runs.
__device__ __forceinline__ uint4 load_once(const void* from) {
  uint4 words;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(words.x), "=r"(words.y), "=r"(words.z), "=r"(words.w)
               : "l"(__cvta_generic_to_global(from)));
  return words;
}

// The sum over a warp's lanes, to each of them.
__device__ __forceinline__ int warp_add(int value) { return __reduce_add_sync(kAllLanes, value); }

// sum + the four products of signed bytes
__device__ __forceinline__ int dot_bytes(int a, int b, int sum) { return __dp4a(a, b, sum); }

// sum + low * the lower 16 bits of the word + high * the upper ones, all signed
template <int8_t kLow, int8_t kHigh>
__device__ __forceinline__ int dot_halves(int word, int sum) {
  return __dp2a_lo(word, (kLow & 255) | (kHigh & 255) << 8, sum);
}

// sums (16 x 8) += a (16 x 32) b (32 x 8) of signed bytes, by a whole warp. Lane l, g = l / 4, t = l % 4 holds
//   a[0], a[1]: rows g and g + 8, columns 4t ... 4t + 3;  a[2], a[3]: the same rows, columns 16 + 4t ...
//   b[0], b[1]: column g, rows 4t ... 4t + 3 and 16 + 4t ...
//   sums[0], sums[1]: row g, columns 2t and 2t + 1;  sums[2], sums[3]: row g + 8
__device__ __forceinline__ void multiply_bytes_16x8x32(int (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// The same of half the depth: sums += a (16 x 16) b (16 x 8); a[0], a[1] and b as the first of the words above.
__device__ __forceinline__ void multiply_bytes_16x8x16(int (&sums)[4], const uint32_t (&a)[2], uint32_t b) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
               : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3])
               : "r"(a[0]), "r"(a[1]), "r"(b));
}

// sums (16 x 8) += a (16 x 16) b (16 x 8) of halves, two in a word, by a whole warp: exact products, sums in f32. Lane l, g = l / 4, t = l % 4 holds
//   a[0], a[1]: rows g and g + 8, columns 2t and 2t + 1;  a[2], a[3]: the same rows, columns 2t + 8 and 2t + 9
//   b[0], b[1]: column g, rows 2t and 2t + 1, and 2t + 8 and 2t + 9;  sums as above
__device__ __forceinline__ void multiply_halves_16x8x16(float (&sums)[4], const uint32_t (&a)[4],
                                                        const uint32_t (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// The same with bfloat16.
__device__ __forceinline__ void multiply_bfloats_16x8x16(float (&sums)[4], const uint32_t (&a)[4],
                                                         const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Two halves, or bfloat16, in a word, the first in its lower bits.
__device__ __forceinline__ uint32_t floats_to_halves(float low, float high) {
  uint32_t both;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  return both;
}

__device__ __forceinline__ uint32_t floats_to_bfloats(float low, float high) {
  uint32_t both;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  return both;
}

// Signed bytes 2 kPair and 2 kPair + 1 of a word as halves: a byte with its sign flipped, as the lower bits of 1024, is 1152 more than the byte.
template <int kPair>
__device__ __forceinline__ uint32_t bytes_to_halves(uint32_t bytes) {
  const uint32_t raised = __byte_perm(bytes ^ 0x80808080u, 0x64646464u, kPair == 0 ? 0x4140 : 0x4342);
  uint32_t halves;
  asm("sub.rn.f16x2 %0, %1, %2;" : "=r"(halves) : "r"(raised), "r"(0x64806480u));
  return halves;
}

// Both halves of a word times a half, each rounded once.
__device__ __forceinline__ uint32_t scale_halves(uint32_t halves, uint16_t scale) {
  uint32_t scaled;
  asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(scaled) : "r"(halves), "r"(scale * 0x10001u));
  return scaled;
}

// Byte i of the result is that byte of the eight bytes of low and high whose number is nibble i of the selector (0 to 7).
__device__ __forceinline__ uint32_t permute_bytes(uint32_t low, uint32_t high, uint32_t selector) {
  return __byte_perm(low, high, selector);
}

// Copies 16 bytes from device memory to shared memory without passing through registers; both addresses are multiples of 16. It has happened
// after commit_async_copies() and a wait_async_copies<N>() that leaves at most N later commits under way, for the thread that asked; for the
// other threads after a barrier behind that.
__device__ __forceinline__ void copy_async_16(void* shared, const void* global) {
  const unsigned to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(global) : "memory");
}
__device__ __forceinline__ void commit_async_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int kUnderWay>
__device__ __forceinline__ void wait_async_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kUnderWay) : "memory");
}

#else

using paceline::float_to_half;
using paceline::half_to_float;

inline int lane_index_here() { return lane_index(); }
inline uint4 load_once(const void* from) {
  cuda_emulator::note_access(from, sizeof(uint4), cuda_emulator::Access::ReadConstant);
  return load_wide<uint4>(from);
}
inline int warp_add(int value) {
  for (int bits = kWarpLanes / 2; bits > 0; bits /= 2) value += __shfl_xor_sync(kAllLanes, value, bits);
  return value;
}
inline int dot_bytes(int a, int b, int sum) { return cuda_emulator::dot_bytes(a, b, sum); }
template <int8_t kLow, int8_t kHigh>
int dot_halves(int word, int sum) {
  return sum + kLow * static_cast<int16_t>(word & 65535) + kHigh * (word >> 16);
}
inline void multiply_bytes_16x8x32(int (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  cuda_emulator::multiply_bytes_16x8x32(sums, a, b);
}
inline void multiply_bytes_16x8x16(int (&sums)[4], const uint32_t (&a)[2], uint32_t b) {
  cuda_emulator::multiply_bytes_16x8x32(sums, {a[0], a[1], 0, 0}, {b, 0});
}
inline void multiply_halves_16x8x16(float (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  cuda_emulator::multiply_halves_16x8x16(sums, a, b);
}
inline uint32_t floats_to_halves(float low, float high) {
  return float_to_half(low) | static_cast<uint32_t>(float_to_half(high)) << 16;
}
inline void multiply_bfloats_16x8x16(float (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  cuda_emulator::multiply_bfloats_16x8x16(sums, a, b);
}
inline uint32_t floats_to_bfloats(float low, float high) {
  return float_to_bfloat16(low) | static_cast<uint32_t>(float_to_bfloat16(high)) << 16;
}
template <int kPair>
uint32_t bytes_to_halves(uint32_t bytes) {
  return floats_to_halves(static_cast<int8_t>(bytes >> (16 * kPair)), static_cast<int8_t>(bytes >> (16 * kPair + 8)));
}
inline uint32_t scale_halves(uint32_t halves, uint16_t scale) {
  const float factor = half_to_float(scale);
  return floats_to_halves(half_to_float(static_cast<uint16_t>(halves)) * factor,
                          half_to_float(static_cast<uint16_t>(halves >> 16)) * factor);
}
inline uint32_t permute_bytes(uint32_t low, uint32_t high, uint32_t selector) {
  const uint64_t bytes = uint64_t{high} << 32 | low;
  uint32_t out = 0;
  for (int i = 0; i < 4; ++i) out |= static_cast<uint32_t>(bytes >> (8 * (selector >> (4 * i) & 7)) & 255) << (8 * i);
  return out;
}
inline void copy_async_16(void* shared, const void* global) { cuda_emulator::copy_async(shared, global, 16); }
inline void commit_async_copies() { cuda_emulator::commit_async_copies(); }
template <int kUnderWay>
void wait_async_copies() {
  cuda_emulator::wait_async_copies(kUnderWay);
}

#endif

}  // namespace paceline::cuda

#pragma once
// Starting a kernel. For .cu files: the files of this folder that are plain C++ call functions which launch.
#include <algorithm>
#include <type_traits>

#include "device/cuda/context.h"

namespace paceline::cuda {

struct Grid {
  const char* kernel = "";  // for messages
  dim3 blocks;  // at most 2^31 - 1 x 65535 x 65535
  int threads = 0;  // of a block, a multiple of 32, at most 1024
  size_t shared_bytes = 0;  // of a block: sizeof what the kernel gets by dynamic_shared…()
};

// Every kernel's first statement but for prefetch_…() (tests/cuda/kernels_test.cpp). Where CudaContext::overlaps_launches a kernel's blocks are placed while the one
// before it still ends, and this is where they wait until it has ended and all that it wrote can be seen; so has, since it waited too, every
// kernel before it. Then the next one's blocks may be placed.
#ifdef __CUDACC__
__device__ __forceinline__ void wait_for_previous_kernel() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
// Whether the kernels of this build do wait on GPUs that overlap them. Code for older GPUs alone, which the driver translates for a newer one, does
// not: it would read what the kernel before it is still writing. A build with newer code never runs the older there (cmake/cuda.cmake).
inline constexpr bool kKernelsWait = std::max({__CUDA_ARCH_LIST__}) >= 900;
#else
inline void wait_for_previous_kernel() { cuda_emulator::wait_for_previous_kernel(); }
#endif

// prefetch_…(task): what a kernel may do before that, with nothing but its arguments: ask for memory that it is going to read to come to the
// second-level cache while the kernel before it still runs. Above all weights; nothing gets old there if that kernel writes it, since all
// multiprocessors write through that cache. Without overlap it would gain nothing and is not compiled.

// For one thread: `bytes` from an address on, both multiples of 16.
__device__ __forceinline__ void prefetch_piece(const void* from, unsigned bytes) {
#ifndef __CUDACC__
  cuda_emulator::prefetch(from, bytes);
#elif __CUDA_ARCH__ >= 900
  asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(__cvta_generic_to_global(from)), "r"(bytes));
#else
  static_cast<void>(from), static_cast<void>(bytes);
#endif
}

// For a whole block: `count` values, or none where they are not aligned.
__device__ __forceinline__ void prefetch_floats(const float* values, int count) {
  if (threadIdx.x != 0 || count < 4 || reinterpret_cast<uintptr_t>(values) % 16 != 0) return;
  prefetch_piece(values, static_cast<unsigned>(count) * 4 / 16 * 16);
}

// The same, of values that all blocks need.
__device__ __forceinline__ void prefetch_vector(const float* values, int count) {
  if (blockIdx.x == 0) prefetch_floats(values, count);
}

// For threads that ask for different places: the 128 bytes around an address.
__device__ __forceinline__ void prefetch_line(const void* at) {
#ifndef __CUDACC__
  cuda_emulator::prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(at) / 16 * 16), 16);
#elif __CUDA_ARCH__ >= 900
  asm volatile("prefetch.global.L2 [%0];" ::"l"(__cvta_generic_to_global(at)));
#else
  static_cast<void>(at);
#endif
}

#ifdef __CUDACC__
// The block's shared memory. One type in a kernel.
template <class T>
__device__ __forceinline__ T& dynamic_shared() {
  extern __shared__ __align__(16) unsigned char shared_bytes[];
  return *reinterpret_cast<T*>(shared_bytes);
}
// The same as `count` values.
template <class T>
__device__ __forceinline__ T* dynamic_shared_array(int) {
  return &dynamic_shared<T>();
}
#else
template <class T>
T* dynamic_shared_array(int count) {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 16);
  return static_cast<T*>(cuda_emulator::shared_memory(sizeof(T) * static_cast<size_t>(count)));
}
template <class T>
T& dynamic_shared() {
  return *dynamic_shared_array<T>(1);
}
#endif

constexpr size_t kSharedBytesWithoutAsking = 48 * 1024;

// Starts the kernel on the context's stream. Arguments are copied: pointers to device memory, numbers, structs of at most 4 KiB together. Throws Error
// with the kernel's name when the runtime refuses; what goes wrong while it runs is reported by the stream's next synchronisation.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), const Grid& grid, CudaContext& context, Arguments... arguments) {
  static_assert((std::is_trivially_copyable_v<Parameters> && ...) && (sizeof(Parameters) + ... + 0) <= 4096);
  context.deferred.settle();
  PACELINE_ASSERT(grid.threads >= 32 && grid.threads % 32 == 0 && grid.threads <= 1024);
  PACELINE_ASSERT(grid.blocks.x >= 1 && grid.blocks.y >= 1 && grid.blocks.z >= 1);
  PACELINE_ASSERT(grid.blocks.x <= 0x7fffffffu && grid.blocks.y <= 65535 && grid.blocks.z <= 65535);
#ifdef __CUDACC__
  if (grid.shared_bytes > kSharedBytesWithoutAsking)
    check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(grid.shared_bytes)),
          grid.kernel);
  cudaLaunchConfig_t config{};
  config.gridDim = grid.blocks;
  config.blockDim = dim3(static_cast<unsigned>(grid.threads));
  config.dynamicSmemBytes = grid.shared_bytes;
  config.stream = context.stream;
  cudaLaunchAttribute overlap{};
  overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  overlap.val.programmaticStreamSerializationAllowed = 1;
  config.attrs = &overlap;
  config.numAttrs = kKernelsWait && context.overlaps_launches ? 1 : 0;
  check(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...), grid.kernel);
#else
  check(cuda_emulator::launch(
            {grid.kernel, grid.blocks, dim3(static_cast<unsigned>(grid.threads)), grid.shared_bytes, true},
            context.stream, [=] { kernel(static_cast<Parameters>(arguments)...); }),
        grid.kernel);
#endif
}

}  // namespace paceline::cuda

#pragma once
// What every launcher of this folder is given: the stream and memory to work in. One of each device, owned by CudaDevice; used by one thread
// at a time.
#include <cstddef>
#include <cstdint>
#include <memory>

#include "device/cuda/deferred_rows.h"
#include "device/cuda/memory.h"
#include "device/cuda/step_parameters.h"

namespace paceline::cuda {

struct CudaContext {
  CudaContext();  // of the process' first visible device; throws Error when there is none
  ~CudaContext();
  CudaContext(const CudaContext&) = delete;
  CudaContext& operator=(const CudaContext&) = delete;

  // Host memory to device memory in stream order: `rows` pieces of `row_bytes`, `pitch_bytes` apart on the device, dense on the host. The host
  // memory is free again when it returns; it waits for the device only while all staging buffers are under way.
  void upload(void* to, size_t pitch_bytes, const void* from, size_t row_bytes, size_t rows);
  void upload(void* to, const void* from, size_t bytes) { upload(to, bytes, from, bytes, 1); }
  // Device memory to host memory, waits until it is there.
  void download(void* to, const void* from, size_t pitch_bytes, size_t row_bytes, size_t rows);

  cudaStream_t stream = nullptr;
  int multiprocessor_count = 0;
  size_t shared_bytes_per_block = 0;  // the most a kernel may ask for
  size_t shared_bytes_per_multiprocessor = 0;  // for all blocks there
  bool overlaps_launches = false;  // launches are programmatic dependent ones: kernels wait by themselves (launch.h)
  cudaDeviceProp properties{};

  const std::shared_ptr<MemoryWatch> watch = std::make_shared<MemoryWatch>();
  StepParameters step{*this};
  DeferredRows deferred;
  // Of one operation each.
  DeviceScratch attention_scratch{*watch}, recurrent_scratch{*watch}, argmax_scratch{*watch};
  DeviceScratch candidate_scratch{*watch}, merged_candidate_scratch{*watch};
  DeviceScratch activation_scratch{*watch}, split_scratch{*watch}, expert_scratch{*watch};

 private:
  struct Staging;
  std::unique_ptr<Staging> staging_;
};

}  // namespace paceline::cuda

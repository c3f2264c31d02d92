#include "device/cuda/context.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace paceline::cuda {

namespace {

constexpr size_t kStagingBytes = size_t{1} << 20;
constexpr int kStagingBuffers = 8;
constexpr int kOverlapDriver = 12030;  // the first whose captures keep programmatic launches

// Calls copy(offset on the device, offset on the host, bytes of a row, rows) for pieces that fit a buffer: whole rows, or parts of one.
template <class Copy>
void for_pieces(size_t pitch_bytes, size_t row_bytes, size_t rows, Copy copy) {
  if (rows == 1 || pitch_bytes == row_bytes) row_bytes *= std::exchange(rows, 1);
  if (row_bytes == 0) return;
  if (rows > 1 && row_bytes <= kStagingBytes) {
    const size_t together = kStagingBytes / row_bytes;
    for (size_t row = 0; row < rows; row += together)
      copy(row * pitch_bytes, row * row_bytes, row_bytes, std::min(together, rows - row));
    return;
  }
  for (size_t row = 0; row < rows; ++row)
    for (size_t first = 0; first < row_bytes; first += kStagingBytes)
      copy(row * pitch_bytes + first, row * row_bytes + first, std::min(kStagingBytes, row_bytes - first), 1);
}

}  // namespace

// Pinned buffers that take turns; the event of each says when the device has read it.
struct CudaContext::Staging {
  struct Buffer {
    PinnedBytes bytes{kStagingBytes};
    StreamEvent copied;
    size_t used_bytes = 0;
  };

  Buffer buffers[kStagingBuffers];
  int current = 0;
  PinnedBytes downloads{kStagingBytes};

  // Room for `bytes` in a buffer that the device has finished with.
  Buffer& with_room(size_t bytes, cudaStream_t queue) {
    if (buffers[current].used_bytes + bytes > kStagingBytes) {
      check(cudaEventRecord(buffers[current].copied, queue), "recording an event");
      current = (current + 1) % kStagingBuffers;
      check(cudaEventSynchronize(buffers[current].copied), "waiting for a copy to the device");
      buffers[current].used_bytes = 0;
    }
    return buffers[current];
  }
};

CudaContext::CudaContext() {
  int count = 0;
  if (const cudaError_t status = cudaGetDeviceCount(&count); status != cudaSuccess || count == 0)
    fail("cuda: no device can be used: ", cudaGetErrorString(status == cudaSuccess ? cudaErrorNoDevice : status));
  check(cudaGetDeviceProperties(&properties, 0), "asking for the device's properties");
  multiprocessor_count = properties.multiProcessorCount;
  int driver = 0;
  check(cudaDriverGetVersion(&driver), "asking for the driver's version");
  overlaps_launches = properties.major >= 9 && driver >= kOverlapDriver;
  shared_bytes_per_block = properties.sharedMemPerBlockOptin;
  shared_bytes_per_multiprocessor = properties.sharedMemPerMultiprocessor;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "creating a stream");
  staging_ = std::make_unique<Staging>();
}

CudaContext::~CudaContext() {
  cudaStreamSynchronize(stream);
  staging_.reset();
  cudaStreamDestroy(stream);
}

void CudaContext::upload(void* to, size_t pitch_bytes, const void* from, size_t row_bytes, size_t rows) {
  watch->expect_no_capture("copying to the device");
  deferred.settle();
  for_pieces(pitch_bytes, row_bytes, rows, [&](size_t device_offset, size_t host_offset, size_t width, size_t count) {
    Staging::Buffer& buffer = staging_->with_room(width * count, stream);
    std::byte* place = buffer.bytes.data() + buffer.used_bytes;
    buffer.used_bytes += width * count;
    std::memcpy(place, static_cast<const std::byte*>(from) + host_offset, width * count);
    check(cudaMemcpy2DAsync(static_cast<std::byte*>(to) + device_offset, count == 1 ? width : pitch_bytes, place, width,
                            width, count, cudaMemcpyHostToDevice, stream),
          "copying to the device");
  });
}

void CudaContext::download(void* to, const void* from, size_t pitch_bytes, size_t row_bytes, size_t rows) {
  watch->expect_no_capture("copying from the device");
  deferred.settle();
  for_pieces(pitch_bytes, row_bytes, rows, [&](size_t device_offset, size_t host_offset, size_t width, size_t count) {
    std::byte* place = staging_->downloads.data();
    check(cudaMemcpy2DAsync(place, width, static_cast<const std::byte*>(from) + device_offset,
                            count == 1 ? width : pitch_bytes, width, count, cudaMemcpyDeviceToHost, stream),
          "copying from the device");
    check(cudaStreamSynchronize(stream), "waiting for the device");
    std::memcpy(static_cast<std::byte*>(to) + host_offset, place, width * count);
  });
}

}  // namespace paceline::cuda

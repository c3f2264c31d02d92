#include "device/host_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "quant/format.h"

namespace paceline {

namespace {

class HostAllocation final : public Allocation {
 public:
  HostAllocation(size_t bytes, size_t alignment) : bytes_(std::max<size_t>(bytes, 1) + alignment) {
    mapping_ = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping_ == MAP_FAILED) fail("cannot allocate ", human_bytes(bytes), ": ", std::strerror(errno));
    data_ = mapping_;
    size_t room = bytes_;
    if (alignment > 0) std::align(alignment, std::max<size_t>(bytes, 1), data_, room);
  }
  ~HostAllocation() override { ::munmap(mapping_, bytes_); }
  HostAllocation(const HostAllocation&) = delete;
  HostAllocation& operator=(const HostAllocation&) = delete;
  void* data() const override { return data_; }

 private:
  const size_t bytes_;  // mapped
  void *mapping_ = nullptr, *data_ = nullptr;
};

size_t host_row_bytes(DType dtype, int cols) {
  switch (dtype) {
    case DType::F32:
    case DType::I32: return static_cast<size_t>(cols) * 4;
    case DType::F16: return static_cast<size_t>(cols) * 2;
    case DType::Q8_0: return row_bytes(QuantType::Q8_0, cols);
  }
  return 0;
}

}  // namespace

std::unique_ptr<Allocation> allocate_host_bytes(size_t bytes, size_t alignment) {
  return std::make_unique<HostAllocation>(bytes, alignment);
}

OwnedTensor allocate_host_tensor(DType dtype, int rows, int cols, size_t alignment) {
  OwnedTensor tensor;
  tensor.memory = allocate_host_bytes(host_row_bytes(dtype, cols) * static_cast<size_t>(rows), alignment);
  tensor.data = tensor.memory->data();
  tensor.dtype = dtype;
  tensor.rows = rows;
  tensor.cols = cols;
  tensor.stride = cols;
  return tensor;
}

}  // namespace paceline

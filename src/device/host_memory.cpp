#include "device/host_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "quant/format.h"

namespace paceline {

namespace {

class HostAllocation final : public Allocation {
 public:
  HostAllocation(void* data, size_t bytes) : data_(data), bytes_(bytes) {}
  ~HostAllocation() override { ::munmap(data_, bytes_); }
  void* data() const override { return data_; }

 private:
  void* data_;
  size_t bytes_;
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

std::unique_ptr<Allocation> allocate_host_bytes(size_t bytes) {
  const size_t size = bytes == 0 ? 1 : bytes;
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) fail("cannot allocate ", human_bytes(size), ": ", std::strerror(errno));
  return std::make_unique<HostAllocation>(data, size);
}

OwnedTensor allocate_host_tensor(DType dtype, int rows, int cols) {
  OwnedTensor tensor;
  tensor.memory = allocate_host_bytes(host_row_bytes(dtype, cols) * static_cast<size_t>(rows));
  tensor.data = tensor.memory->data();
  tensor.dtype = dtype;
  tensor.rows = rows;
  tensor.cols = cols;
  tensor.stride = cols;
  return tensor;
}

}  // namespace paceline

#include "device/counting_device.h"

namespace paceline {

namespace {

// GPUs give out memory in whole pages of 2 MiB; what is much smaller shares them.
constexpr uint64_t kPage = uint64_t{2} << 20, kSmall = kPage / 2, kSmallStep = 512;

uint64_t round_up(uint64_t bytes, uint64_t step) { return (bytes + step - 1) / step * step; }

}  // namespace

void CountingDevice::count(uint64_t bytes) {
  bytes_ += memory_is_host() ? bytes : round_up(bytes, bytes < kSmall ? kSmallStep : kPage);
}

OwnedTensor CountingDevice::allocate(DType dtype, int rows, int cols) {
  PACELINE_ASSERT(dtype != DType::Q8_0);
  const uint64_t values = static_cast<uint64_t>(rows) * static_cast<uint64_t>(cols);
  count(values * (dtype == DType::F16 ? 2 : 4));
  OwnedTensor tensor;
  tensor.dtype = dtype, tensor.rows = rows, tensor.cols = cols, tensor.stride = cols;
  return tensor;
}

WeightPtr CountingDevice::load(const QuantMatrix& matrix, WeightUse use, int expert_count) {
  count(weight_bytes(matrix, use, expert_count));
  return std::make_unique<Weight>(matrix.type, matrix.rows / expert_count, matrix.cols);
}

}  // namespace paceline

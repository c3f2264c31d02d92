#include "device/cpu/cpu_device.h"

#include <cstring>

#include "base/cpu_info.h"
#include "device/cpu/dispatch.h"
#include "device/cpu/kv_layout.h"
#include "device/host_memory.h"

namespace paceline {

std::unique_ptr<Device> open_cpu_device(const DeviceOptions& options) {
  if (options.threads < 0 || options.threads > 1024)
    fail("threads is ", options.threads, ", expected 0 (all cores) to 1024");
  const int threads = options.threads == 0 ? physical_core_count() : options.threads;
  return std::make_unique<cpu::CpuDevice>(cpu::choose_kernels(options.isa), threads);
}

}  // namespace paceline

namespace paceline::cpu {

std::string CpuDevice::description() const {
  return cat("cpu: ", pool_.size(), pool_.size() == 1 ? " thread, " : " threads, ", kernels_.name);
}

OwnedTensor CpuDevice::allocate(DType dtype, int rows, int cols) { return allocate_host_tensor(dtype, rows, cols); }

OwnedTensor CpuDevice::allocate_kv(DType dtype, int max_length, const KvShape& shape) {
  if (dtype == DType::Q8_0 && shape.head_dim % 32 != 0)
    fail("a q8_0 cache needs head_dim to be a multiple of 32, got ", shape.head_dim, "; use f16");
  return allocate_host_tensor(dtype, slab_positions(max_length), shape.head_count_kv * shape.head_dim);
}

WeightPtr CpuDevice::load(const QuantMatrix& matrix, WeightUse use, int expert_count) {
  auto weight = std::make_unique<CpuWeight>(matrix, use, expert_count);
  weight->pack(pool_);
  return weight;
}

void CpuDevice::write(Tensor to, const void* values) {
  PACELINE_ASSERT(to.dtype == DType::F32 || to.dtype == DType::I32);
  const auto* source = static_cast<const std::byte*>(values);
  const size_t bytes = static_cast<size_t>(to.cols) * 4;
  for (int row = 0; row < to.rows; ++row)
    std::memcpy(to.row_range(row, 1).data, source + static_cast<size_t>(row) * bytes, bytes);
}

void CpuDevice::read(void* values, Tensor from) {
  PACELINE_ASSERT(from.dtype == DType::F32 || from.dtype == DType::I32);
  auto* target = static_cast<std::byte*>(values);
  const size_t bytes = static_cast<size_t>(from.cols) * 4;
  for (int row = 0; row < from.rows; ++row)
    std::memcpy(target + static_cast<size_t>(row) * bytes, from.row_range(row, 1).data, bytes);
}

void CpuDevice::clear(Tensor tensor) {
  for (int row = 0; row < tensor.rows; ++row) std::fill_n(tensor.f32(row), tensor.cols, 0.0f);
}

void CpuDevice::gather_rows(Tensor out, Tensor in, std::span<const int> rows) {
  PACELINE_ASSERT(out.rows == static_cast<int>(rows.size()) && out.cols == in.cols);
  for (int i = 0; i < out.rows; ++i) {
    const int row = rows[static_cast<size_t>(i)];
    PACELINE_ASSERT(row >= 0 && row < in.rows);
    std::memcpy(out.f32(i), in.f32(row), static_cast<size_t>(in.cols) * 4);
  }
}

}  // namespace paceline::cpu

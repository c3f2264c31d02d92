#include "device/cpu/cpu_device.h"

#include <cstring>

#include "base/cpu_info.h"
#include "device/cpu/dispatch.h"
#include "device/cpu/kv_layout.h"
#include "device/cpu/kv_pages.h"
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

namespace {

// Positions in whole panels; a slab has room for them (slab_positions).
struct PanelRange {
  PanelRange(int first_position, int count)
      : first(first_position / kPanelRows * kPanelRows),
        end((first_position + count + kPanelRows - 1) / kPanelRows * kPanelRows) {}
  size_t bytes(size_t row_bytes) const { return static_cast<size_t>(end - first) * row_bytes; }
  int first, end;
};

}  // namespace

std::string CpuDevice::description() const {
  return cat("cpu: ", pool_.size(), pool_.size() == 1 ? " thread, " : " threads, ", kernels_.name);
}

OwnedTensor CpuDevice::allocate(DType dtype, int rows, int cols) { return allocate_host_tensor(dtype, rows, cols); }

OwnedTensor CpuDevice::allocate_kv(DType dtype, int max_length, const KvShape& shape) {
  if (dtype == DType::Q8_0 && shape.head_dim % 32 != 0)
    fail("a q8_0 cache needs head_dim to be a multiple of 32, got ", shape.head_dim, "; use f16");
  const int positions = slab_positions(max_length, kv_row_bytes(kv_type(dtype), shape.head_dim));
  return allocate_host_tensor(dtype, positions, shape.head_count_kv * shape.head_dim, kLargePage);
}

size_t CpuDevice::saved_kv_bytes(const Tensor& slab, const KvShape& shape, int first, int count) const {
  const PanelRange range(first, count);
  return static_cast<size_t>(shape.head_count_kv) * range.bytes(kv_row_bytes(kv_type(slab.dtype), shape.head_dim));
}

void CpuDevice::save_kv(std::byte* to, const Tensor& slab, const KvShape& shape, int first, int count) {
  const PanelRange range(first, count);
  const size_t row = kv_row_bytes(kv_type(slab.dtype), shape.head_dim), bytes = range.bytes(row);
  for (int head = 0; head < shape.head_count_kv; ++head)
    std::memcpy(to + static_cast<size_t>(head) * bytes,
                head_slab(slab, head, shape.head_dim) + static_cast<size_t>(range.first) * row, bytes);
}

void CpuDevice::restore_kv(const Tensor& slab, const KvShape& shape, const std::byte* from, int first, int count) {
  const PanelRange range(first, count);
  const size_t row = kv_row_bytes(kv_type(slab.dtype), shape.head_dim), bytes = range.bytes(row);
  for (int head = 0; head < shape.head_count_kv; ++head)
    std::memcpy(head_slab(slab, head, shape.head_dim) + static_cast<size_t>(range.first) * row,
                from + static_cast<size_t>(head) * bytes, bytes);
  note_filled(slab, shape, first, count);
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
    std::memcpy(out.words(i), in.words(row), static_cast<size_t>(in.cols) * 4);
  }
}

}  // namespace paceline::cpu

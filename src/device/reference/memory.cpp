#include <cstring>

#include "device/reference/reference_device.h"

namespace paceline {

namespace {

const FormatInfo& kv_format(DType dtype) {
  PACELINE_ASSERT(dtype != DType::I32);
  if (dtype == DType::F16) return format_info(QuantType::F16);
  return format_info(dtype == DType::Q8_0 ? QuantType::Q8_0 : QuantType::F32);
}

}  // namespace

std::unique_ptr<Device> open_reference_device() { return std::make_unique<ReferenceDevice>(); }

void ReferenceWeight::decode_row(int expert, int row, float* out) const {
  const size_t bytes = row_bytes(type, cols),
               index = static_cast<size_t>(expert) * static_cast<size_t>(rows) + static_cast<size_t>(row);
  format_info(type).decode(bytes_.data() + index * bytes, out, static_cast<size_t>(cols));
}

OwnedTensor ReferenceDevice::allocate_kv(DType dtype, int max_length, const KvShape& shape) {
  return allocate_host_tensor(dtype, max_length, shape.head_count_kv * shape.head_dim);
}

size_t ReferenceDevice::saved_kv_bytes(const Tensor& slab, const KvShape&, int, int count) const {
  return static_cast<size_t>(count) * row_bytes(kv_format(slab.dtype).type, slab.cols);
}

void ReferenceDevice::save_kv(std::byte* to, const Tensor& slab, const KvShape& shape, int first, int count) {
  const size_t skipped = saved_kv_bytes(slab, shape, 0, first);
  std::memcpy(to, static_cast<const std::byte*>(slab.data) + skipped, saved_kv_bytes(slab, shape, first, count));
}

void ReferenceDevice::restore_kv(const Tensor& slab, const KvShape& shape, const std::byte* from, int first,
                                 int count) {
  const size_t skipped = saved_kv_bytes(slab, shape, 0, first);
  std::memcpy(static_cast<std::byte*>(slab.data) + skipped, from, saved_kv_bytes(slab, shape, first, count));
}

WeightPtr ReferenceDevice::load(const QuantMatrix& matrix, WeightUse, int expert_count) {
  PACELINE_ASSERT(matrix.rows % expert_count == 0);
  PACELINE_ASSERT(matrix.bytes.size() == static_cast<size_t>(matrix.rows) * row_bytes(matrix.type, matrix.cols));
  return std::make_unique<ReferenceWeight>(matrix, expert_count);
}

void ReferenceDevice::write(Tensor to, const void* values) {
  PACELINE_ASSERT(to.dtype == DType::F32 || to.dtype == DType::I32);
  const auto* source = static_cast<const float*>(values);
  for (int row = 0; row < to.rows; ++row)
    std::memcpy(to.row_range(row, 1).data, source + static_cast<size_t>(row) * static_cast<size_t>(to.cols),
                static_cast<size_t>(to.cols) * 4);
}

void ReferenceDevice::read(void* values, Tensor from) {
  PACELINE_ASSERT(from.dtype == DType::F32 || from.dtype == DType::I32);
  auto* target = static_cast<float*>(values);
  for (int row = 0; row < from.rows; ++row)
    std::memcpy(target + static_cast<size_t>(row) * static_cast<size_t>(from.cols), from.row_range(row, 1).data,
                static_cast<size_t>(from.cols) * 4);
}

void ReferenceDevice::clear(Tensor tensor) {
  for (int row = 0; row < tensor.rows; ++row) std::fill_n(tensor.f32(row), tensor.cols, 0.0f);
}

void ReferenceDevice::gather_rows(Tensor out, Tensor in, std::span<const int> rows) {
  PACELINE_ASSERT(out.rows == static_cast<int>(rows.size()) && out.cols == in.cols);
  for (int i = 0; i < out.rows; ++i) {
    const int row = rows[static_cast<size_t>(i)];
    PACELINE_ASSERT(row >= 0 && row < in.rows);
    std::memcpy(out.words(i), in.words(row), static_cast<size_t>(in.cols) * 4);
  }
}

void ReferenceDevice::store_kv(const Batch& batch, int layer, Tensor k, Tensor v) {
  checks::store_kv(batch, layer, k, v);
  for (const Segment& segment : batch.segments) {
    KvCache& cache = segment.state->kv(layer);
    const auto store = [&](const OwnedTensor& slab, Tensor values) {
      const FormatInfo& format = kv_format(slab.dtype);
      const size_t bytes = row_bytes(format.type, slab.cols);
      for (int i = 0; i < segment.row_count; ++i)
        format.encode(values.f32(segment.first_row + i),
                      static_cast<std::byte*>(slab.data) + static_cast<size_t>(segment.first_position + i) * bytes,
                      static_cast<size_t>(slab.cols));
    };
    store(cache.k, k);
    store(cache.v, v);
  }
}

}  // namespace paceline

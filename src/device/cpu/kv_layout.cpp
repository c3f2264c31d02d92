#include "device/cpu/kv_layout.h"

#include <algorithm>
#include <cstring>

#include "device/cpu/kv_pages.h"
#include "quant/q8_0.h"

namespace paceline::cpu {

namespace {

constexpr size_t kKeyBlockBytes = 2 * kPanelRows + 32 * kPanelRows;  // 16 positions x 32 dimensions
constexpr int kPiece = 64;                                          // values converted at once

void store_key_block(std::byte* block, int lane, const float* values) {
  Q8_0Block encoded;
  encode(values, encoded);
  std::memcpy(block + 2 * lane, &encoded.scale, 2);
  for (int d = 0; d < 32; ++d) std::memcpy(block + 2 * kPanelRows + d * kPanelRows + lane, &encoded.quants[d], 1);
}

}  // namespace

KvType kv_type(DType dtype) {
  PACELINE_ASSERT(dtype != DType::I32);
  if (dtype == DType::F32) return KvType::F32;
  return dtype == DType::F16 ? KvType::F16 : KvType::Q8_0;
}

size_t kv_row_bytes(KvType type, int head_dim) {
  const size_t dim = static_cast<size_t>(head_dim);
  if (type == KvType::Q8_0) return dim / 32 * sizeof(Q8_0Block);
  return dim * (type == KvType::F32 ? 4 : 2);
}

int slab_positions(int max_length, size_t row_bytes) {
  const int positions = (max_length + kTilePositions - 1) / kTilePositions * kTilePositions + kPanelRows;
  return static_cast<int>(head_pitch(static_cast<size_t>(positions) * row_bytes, row_bytes) / row_bytes);
}

std::byte* head_slab(const Tensor& slab, int head, int head_dim) {
  return static_cast<std::byte*>(slab.data) +
         static_cast<size_t>(head) * static_cast<size_t>(slab.rows) * kv_row_bytes(kv_type(slab.dtype), head_dim);
}

void note_filled(const Tensor& slab, const KvShape& shape, int first, int count) {
  const size_t row = kv_row_bytes(kv_type(slab.dtype), shape.head_dim);
  const auto whole_panels = [row](int positions) {
    return static_cast<size_t>(positions / kPanelRows * kPanelRows) * row;
  };
  for (int head = 0; head < shape.head_count_kv; ++head)
    merge_filled_pages(head_slab(slab, head, shape.head_dim), whole_panels(first), whole_panels(first + count));
}

void store_key(const Kernels& kernels, std::byte* head, KvType type, int position, const float* values, int head_dim) {
  const int lane = position % kPanelRows;
  std::byte* panel = head + static_cast<size_t>(position / kPanelRows) * kv_row_bytes(type, head_dim) * kPanelRows;
  if (type == KvType::Q8_0) {
    for (int d = 0; d < head_dim; d += 32)
      store_key_block(panel + static_cast<size_t>(d / 32) * kKeyBlockBytes, lane, values + d);
    return;
  }
  if (type == KvType::F32) {
    for (int d = 0; d < head_dim; ++d) std::memcpy(panel + (d * kPanelRows + lane) * 4, values + d, 4);
    return;
  }
  uint16_t halves[kPiece];
  for (int d = 0; d < head_dim; d += kPiece) {
    const int count = std::min(kPiece, head_dim - d);
    kernels.to_f16(halves, values + d, count);
    for (int i = 0; i < count; ++i) std::memcpy(panel + ((d + i) * kPanelRows + lane) * 2, halves + i, 2);
  }
}

void store_value(const Kernels& kernels, std::byte* head, KvType type, int position, const float* values,
                 int head_dim) {
  std::byte* row = head + static_cast<size_t>(position) * kv_row_bytes(type, head_dim);
  if (type == KvType::F32) {
    std::memcpy(row, values, static_cast<size_t>(head_dim) * 4);
    return;
  }
  if (type == KvType::F16) {
    uint16_t halves[kPiece];
    for (int d = 0; d < head_dim; d += kPiece) {
      const int count = std::min(kPiece, head_dim - d);
      kernels.to_f16(halves, values + d, count);
      std::memcpy(row + d * 2, halves, static_cast<size_t>(count) * 2);
    }
    return;
  }
  for (int d = 0; d < head_dim; d += 32) {
    Q8_0Block block;
    encode(values + d, block);
    std::memcpy(row + static_cast<size_t>(d / 32) * sizeof block, &block, sizeof block);
  }
}

}  // namespace paceline::cpu

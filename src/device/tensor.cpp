#include "device/tensor.h"

namespace paceline {

namespace {

size_t element_bytes(DType dtype) {
  PACELINE_ASSERT(dtype != DType::Q8_0);  // KV caches are addressed by their device only
  return dtype == DType::F16 ? 2 : 4;
}

}  // namespace

Tensor Tensor::row_range(int first, int count) const {
  PACELINE_ASSERT(first >= 0 && count >= 0 && first + count <= rows);
  Tensor view = *this;
  view.data = static_cast<std::byte*>(data) + static_cast<size_t>(first * stride) * element_bytes(dtype);
  view.rows = count;
  return view;
}

Tensor Tensor::columns(int first, int count) const {
  PACELINE_ASSERT(first >= 0 && count >= 0 && first + count <= cols);
  Tensor view = *this;
  view.data = static_cast<std::byte*>(data) + static_cast<size_t>(first) * element_bytes(dtype);
  view.cols = count;
  return view;
}

Tensor Tensor::as_heads(int heads, int head_dim, int pitch) const {
  const int distance = pitch == 0 ? head_dim : pitch;
  PACELINE_ASSERT(static_cast<int64_t>(heads) * distance == stride && head_dim <= distance);
  Tensor view = *this;
  view.rows = rows * heads;
  view.cols = head_dim;
  view.stride = distance;
  return view;
}

}  // namespace paceline

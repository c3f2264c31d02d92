#pragma once
// Tensors and segments in the form that kernels take: by value, as parameters, so that no descriptor has to be copied to the device.
#include <algorithm>
#include <span>

#include "device/batch.h"
#include "device/cuda/platform.h"

namespace paceline::cuda {

// F32 rows in device memory.
struct Matrix {
  float* first = nullptr;
  int64_t stride = 0;  // elements

  __device__ float* row(int64_t index) const { return first + index * stride; }
};

inline Matrix matrix(const Tensor& tensor) { return {tensor.f32(), tensor.stride}; }

// The segments that one launch takes; batches with more are several launches.
constexpr int kMaxSegments = 32;

// launch_some(segments first … first + count) until all are through.
template <class Item, class Launch>
void for_segment_groups(std::span<const Item> items, Launch launch_some) {
  for (size_t first = 0; first < items.size(); first += kMaxSegments)
    launch_some(items.subspan(first, std::min<size_t>(kMaxSegments, items.size() - first)));
}

constexpr int ceil_divide(int a, int b) { return (a + b - 1) / b; }

}  // namespace paceline::cuda

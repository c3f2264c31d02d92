#pragma once
// Rotation of heads: the arguments of the kernels that turn them (rotate.cu), and norms that are followed by it.
#include "device/cuda/kv_layout.h"
#include "device/cuda/matrix.h"
#include "device/cuda/step_parameters.h"

namespace paceline::cuda {

// Rows of a batch, of one sequence.
struct RowRange {
  int first_row, row_count;
  SegmentPlace place;

  bool operator==(const RowRange&) const = default;
};

struct RotateTask {
  Matrix heads;  // rows * head_count rows
  const SequenceNow* now;
  int head_count, half, first_row;
  // Per position, in units of 2^-64 circles: a product with a position is exact but for whole circles.
  uint64_t turns[kMaxHeadDim / 2];
  RowRange segments[kMaxSegments];
};

// out = rms_norm(x), as device/device.h says.
struct Norm {
  Tensor out, x, weight;
  float eps;
};

// The cache that turned heads are the keys of: slabs of keys and of values, for each segment of the rotation.
struct StoredHeads {
  Matrix values;
  DType types[2];
  KvSlab slabs[kMaxSegments][2];
};

// The norm of heads, then their rotation, and the storing of keys and values where that is asked for, in one kernel with the bits of three. Rows of
// up to 512 columns, of keys as many as the cache's heads have.
void rotated_rms_norm(CudaContext& context, const Norm& norm, const RotateTask& rotation, const StoredHeads* stored);

}  // namespace paceline::cuda

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

// The norm of heads and then their rotation, in one kernel with the bits of two. Rows of up to 512 columns.
void rotated_rms_norm(CudaContext& context, const Norm& norm, const RotateTask& rotation);

}  // namespace paceline::cuda

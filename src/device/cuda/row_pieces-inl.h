#pragma once
// How kernels that sum over a row hold it: what rms_norm and its like have in common. For .cu files.
#include "device/cuda/encode-inl.h"
#include "device/cuda/launch.h"
#include "device/cuda/matrix.h"
#include "device/cuda/reduce.h"
#include "device/cuda/rotary.h"
#include "device/cuda/values-inl.h"

namespace paceline::cuda {

namespace {

// A short row is a warp's, of which a block has few so that heads spread over the GPU; a longer one a whole block's.
constexpr int kShortColumns = 512, kShortThreads = 128, kLongThreads = 512;
// Threads of a block, of which kRowThreads work on a row.
constexpr int block_threads(int row_threads) { return row_threads == kWarpLanes ? kShortThreads : row_threads; }

struct RowSums {
  float sums[kLongThreads / kWarpLanes];
};

struct RowTask {
  Matrix out, x, other;  // other: z of a gated norm, the shared expert's result
  const float* weight;
  int rows, cols;
  float eps;
  bool is_aligned;  // all rows to 16 bytes, and cols is a multiple of 4
  RowCodes codes;
};

// A piece of a row that kRowThreads threads work on: in each step of kStep columns a thread has four neighbours. A row of up to 6,144 columns is
// one piece.
template <int kRowThreads>
struct Piece {
  static constexpr int kSteps = kRowThreads == kWarpLanes ? 4 : 3, kStep = 4 * kRowThreads, kColumns = kSteps * kStep;
  using Values = float[kSteps][4];
  int thread, first, count;  // columns of the row from the first one on
  bool is_aligned;

  __device__ Piece(const RowTask& task, int thread_of_row, int first_column)
      : thread(thread_of_row), first(first_column), count(task.cols - first_column), is_aligned(task.is_aligned) {}

  // do_one(step, the first of the thread's columns) of the steps that there are.
  template <class Do>
  __device__ __forceinline__ void for_steps(Do do_one) const {
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      if (step * kStep >= count) break;
      do_one(step, step * kStep + 4 * thread);
    }
  }
  __device__ __forceinline__ void load(Values& values, const float* row) const {
    for_steps([&](int step, int column) { load_four(values[step], row + first, column, count, is_aligned); });
  }
  __device__ __forceinline__ void store(float* row, const Values& values) const {
    for_steps([&](int step, int column) { store_four(row + first, column, count, is_aligned, values[step]); });
  }
  // do_one(step, i) of the thread's values, in order.
  template <class Do>
  __device__ __forceinline__ void for_values(Do do_one) const {
    for_steps([&](int step, int) {
#pragma unroll
      for (int i = 0; i < 4; ++i) do_one(step, i);
    });
  }
  // Of row `row`, whose columns are whole blocks.
  __device__ __forceinline__ void write(const RowCodes& codes, int row, int cols, const Values& values) const {
    write_codes<kSteps>(codes, static_cast<unsigned>(row * cols + first + 4 * thread), kStep,
                        steps_from(4 * (thread - lane_index())), steps_from(4 * thread), values);
  }

 private:
  // How many steps have the column that is this one of the first.
  __device__ __forceinline__ int steps_from(int column) const { return (count - column + kStep - 1) / kStep; }
};

// The row of this warp or block: kRowThreads threads work on one. -1 behind the last row, for a whole warp.
template <int kRowThreads>
__device__ __forceinline__ int row_of_thread(int rows) {
  const int row = kRowThreads == kWarpLanes ? static_cast<int>(blockIdx.x) * (kShortThreads / kWarpLanes) + warp_index()
                                            : static_cast<int>(blockIdx.x);
  return row < rows ? row : -1;
}

// What a norm multiplies a row by, from the sum of its squares.
__device__ __forceinline__ float norm_scale(const RowTask& task, float squares) {
  return 1.0f / sqrtf(squares / static_cast<float>(task.cols) + task.eps);
}

RowTask task_of(const Norm& norm) {
  const auto& [out, x, weight, eps] = norm;
  const bool aligned = is_aligned(out) && is_aligned(x) && is_aligned(weight);
  return {matrix(out), matrix(x), {}, weight.f32(), x.rows, x.cols, eps, aligned, {}};
}

}  // namespace

}  // namespace paceline::cuda

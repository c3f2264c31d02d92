// rms_norm:          out_i = x_i * weight_i / sqrt(mean(x^2) + eps)
// gated_rms_norm:    the same times silu(z_i)
// add_shared_expert: out_i += sigmoid(x . gate) * shared_i
// swiglu:            out_i = silu(gate_i) * up_i;   sigmoid_gate: x_i *= sigmoid(gate_i);   gather_rows: out_i = in_rows[i]
//
// Called by CudaDevice's operations of these names, a few times per layer. What sums over a row gives it to a warp when it is short (a head's
// norm), to a block otherwise; which of the two, and so the order of the sum, is decided by the number of columns alone. A thread adds every
// 32nd or 256th value, then a fixed tree (reduce.h). Neighbouring threads read neighbouring values. No weights of a model file.
// Share of peak: not measured yet (no GPU).
#include "device/cuda/launch.h"
#include "device/cuda/matrix.h"
#include "device/cuda/reduce.h"
#include "device/cuda/rows.h"

namespace paceline::cuda {

namespace {

constexpr int kThreads = 256, kShortColumns = 512;

struct RowSums {
  float sums[kThreads / kWarpLanes];
};

struct RowTask {
  Matrix out, x, other;  // other: z of a gated norm, the shared expert's result
  const float* weight;
  int rows, cols;
  float eps;
};

__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
__device__ __forceinline__ float silu(float x) { return x / (1.0f + expf(-x)); }

// The row of this warp or block: kRowThreads threads work on one. -1 behind the last row, for a whole warp.
template <int kRowThreads>
__device__ __forceinline__ int row_of_thread(int rows) {
  const int row = kRowThreads == kThreads ? static_cast<int>(blockIdx.x)
                                          : static_cast<int>(blockIdx.x) * (kThreads / kRowThreads) + warp_index();
  return row < rows ? row : -1;
}

template <int kRowThreads, bool kGated>
__global__ void __launch_bounds__(kThreads) rms_norm_kernel(RowTask task) {
  wait_for_previous_kernel();
  const int row = row_of_thread<kRowThreads>(task.rows), thread = static_cast<int>(threadIdx.x) % kRowThreads;
  if (row < 0) return;
  const float* x = task.x.row(row);
  float sum = 0;
  for (int i = thread; i < task.cols; i += kRowThreads) sum = fmaf(x[i], x[i], sum);
  sum = block_sum<kRowThreads>(sum, dynamic_shared<RowSums>().sums);
  const float scale = 1.0f / sqrtf(sum / static_cast<float>(task.cols) + task.eps);
  float* out = task.out.row(row);
  for (int i = thread; i < task.cols; i += kRowThreads) {
    const float normed = x[i] * scale * task.weight[i];
    if constexpr (kGated) out[i] = normed * silu(task.other.row(row)[i]);
    else out[i] = normed;
  }
}

template <int kRowThreads>
__global__ void __launch_bounds__(kThreads) add_shared_expert_kernel(RowTask task) {
  wait_for_previous_kernel();
  const int row = row_of_thread<kRowThreads>(task.rows), thread = static_cast<int>(threadIdx.x) % kRowThreads;
  if (row < 0) return;
  const float* x = task.x.row(row);
  float sum = 0;
  for (int i = thread; i < task.cols; i += kRowThreads) sum = fmaf(x[i], task.weight[i], sum);
  const float share = sigmoid(block_sum<kRowThreads>(sum, dynamic_shared<RowSums>().sums));
  float* out = task.out.row(row);
  for (int i = thread; i < task.cols; i += kRowThreads) out[i] = fmaf(share, task.other.row(row)[i], out[i]);
}

// One value per thread.
struct ValueTask {
  Matrix out, gate, other;
  unsigned count, cols;
};

template <bool kSwiglu>
__global__ void __launch_bounds__(kThreads) gate_kernel(ValueTask task) {
  wait_for_previous_kernel();
  const unsigned index = blockIdx.x * kThreads + threadIdx.x;
  if (index >= task.count) return;
  const unsigned row = index / task.cols, column = index % task.cols;
  const float gate = task.gate.row(row)[column], other = task.other.row(row)[column];
  if constexpr (kSwiglu) task.out.row(row)[column] = silu(gate) * other;
  else task.out.row(row)[column] = other * sigmoid(gate);
}

struct GatherTask {
  static constexpr int kRows = 512;
  Matrix out, in;
  int cols;
  int rows[kRows];
};

__global__ void __launch_bounds__(kThreads) gather_kernel(GatherTask task) {
  wait_for_previous_kernel();
  const int row = static_cast<int>(blockIdx.x), column = static_cast<int>(blockIdx.y * kThreads + threadIdx.x);
  if (column < task.cols) task.out.row(row)[column] = task.in.row(task.rows[row])[column];
}

using RowKernel = void (*)(RowTask);

// The kernel for few columns has a row in each warp, the other one in each block.
void launch_rows(CudaContext& context, const char* name, RowKernel for_warps, RowKernel for_blocks,
                 const RowTask& task) {
  if (task.rows == 0) return;
  const bool is_short = task.cols <= kShortColumns;
  const int blocks = is_short ? ceil_divide(task.rows, kThreads / kWarpLanes) : task.rows;
  launch(is_short ? for_warps : for_blocks, Grid{name, dim3(static_cast<unsigned>(blocks)), kThreads, sizeof(RowSums)},
         context, task);
}

void launch_values(CudaContext& context, const char* name, void (*kernel)(ValueTask), Tensor out, Tensor gate,
                   Tensor other) {
  const int64_t count = int64_t{out.rows} * out.cols;
  if (count == 0) return;
  PACELINE_ASSERT(count < int64_t{1} << 31);
  const unsigned blocks = static_cast<unsigned>((count + kThreads - 1) / kThreads);
  launch(kernel, Grid{name, dim3(blocks), kThreads, 0}, context,
         ValueTask{matrix(out), matrix(gate), matrix(other), static_cast<unsigned>(count),
                   static_cast<unsigned>(out.cols)});
}

}  // namespace

void rms_norm(CudaContext& context, Tensor out, Tensor x, Tensor weight, float eps) {
  launch_rows(context, "rms_norm", rms_norm_kernel<kWarpLanes, false>, rms_norm_kernel<kThreads, false>,
              {matrix(out), matrix(x), {}, weight.f32(), x.rows, x.cols, eps});
}

void gated_rms_norm(CudaContext& context, Tensor out, Tensor x, Tensor weight, Tensor z, float eps) {
  launch_rows(context, "gated_rms_norm", rms_norm_kernel<kWarpLanes, true>, rms_norm_kernel<kThreads, true>,
              {matrix(out), matrix(x), matrix(z), weight.f32(), x.rows, x.cols, eps});
}

void add_shared_expert(CudaContext& context, Tensor out, Tensor shared, Tensor x, Tensor gate) {
  launch_rows(context, "add_shared_expert", add_shared_expert_kernel<kWarpLanes>, add_shared_expert_kernel<kThreads>,
              {matrix(out), matrix(x), matrix(shared), gate.f32(), out.rows, out.cols, 0});
}

void swiglu(CudaContext& context, Tensor out, Tensor gate, Tensor up) {
  launch_values(context, "swiglu", gate_kernel<true>, out, gate, up);
}

void sigmoid_gate(CudaContext& context, Tensor x, Tensor gate) {
  launch_values(context, "sigmoid_gate", gate_kernel<false>, x, gate, x);
}

namespace {

// Copied as they are, whatever they are.
Matrix words(const Tensor& tensor) { return {static_cast<float*>(tensor.words()), tensor.stride}; }

}  // namespace

void gather_rows(CudaContext& context, Tensor out, Tensor in, std::span<const int> rows) {
  for (int first = 0; first < out.rows; first += GatherTask::kRows) {
    const int count = std::min(GatherTask::kRows, out.rows - first);
    GatherTask task{words(out.row_range(first, count)), words(in), in.cols, {}};
    std::copy_n(rows.begin() + first, count, task.rows);
    const dim3 blocks(static_cast<unsigned>(count), static_cast<unsigned>(ceil_divide(in.cols, kThreads)));
    launch(gather_kernel, Grid{"gather_rows", blocks, kThreads, 0}, context, task);
  }
}

}  // namespace paceline::cuda

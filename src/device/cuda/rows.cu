// rms_norm:          out_i = x_i * weight_i / sqrt(mean(x^2) + eps)
// gated_rms_norm:    the same times silu(z_i)
// add_shared_expert: out_i += sigmoid(x . gate) * shared_i
// swiglu:            out_i = silu(gate_i) * up_i;   sigmoid_gate: x_i *= sigmoid(gate_i);   gather_rows: out_i = in_rows[i]
//
// Called by CudaDevice's operations of these names, a few times per layer. What sums over a row gives it to a warp when it is short (a head's
// norm), to a block otherwise; which of the two, and so the order of the sum, is decided by the number of columns alone. A thread adds four
// neighbours of every 128 or 1,024 columns, then a fixed tree (reduce.h). One row is one block on an idle GPU, so what counts is how often it
// waits for memory: all of a row, of weights and gates is asked for before any of it is used, and a thread keeps its values.
// Norms and gates may write a product's codes as well (deferred_rows.h, encode-inl.h).
// No weights of a model file. Share of peak: not measured yet (no GPU).
#include "device/cuda/encode-inl.h"
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
  bool is_aligned;  // all rows to 16 bytes, and cols is a multiple of 4
  RowCodes codes;
};

__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
__device__ __forceinline__ float silu(float x) { return x / (1.0f + expf(-x)); }

// Four neighbouring values of a row of `cols`; 0 behind the last.
__device__ __forceinline__ void load_four(float (&values)[4], const float* row, int column, int cols, bool is_aligned) {
  if (is_aligned) {
    const float4 four = column < cols ? load_wide<float4>(row + column) : float4{0, 0, 0, 0};
    values[0] = four.x, values[1] = four.y, values[2] = four.z, values[3] = four.w;
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i) values[i] = column + i < cols ? row[column + i] : 0.0f;
  }
}

__device__ __forceinline__ void store_four(float* row, int column, int cols, bool is_aligned,
                                           const float (&values)[4]) {
  if (is_aligned) {
    if (column < cols) store_wide(row + column, float4{values[0], values[1], values[2], values[3]});
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (column + i < cols) row[column + i] = values[i];
  }
}

// A piece of a row that kRowThreads threads work on: in each step of kStep columns a thread has four neighbours. A row of up to 6,144 columns is
// one piece.
template <int kRowThreads>
struct Piece {
  static constexpr int kSteps = kRowThreads == kWarpLanes ? 4 : 6, kStep = 4 * kRowThreads, kColumns = kSteps * kStep;
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
  // Of row `row`. A warp's columns of a step all exist or none does (kCodedColumns).
  __device__ __forceinline__ void write(const RowCodes& codes, int row, int cols, const Values& values) const {
    const int steps = (count - 4 * (thread - lane_index()) + kStep - 1) / kStep;
    write_codes<kSteps>(codes, static_cast<unsigned>(row * cols + first + 4 * thread), kStep, steps, values);
  }
};

// The row of this warp or block: kRowThreads threads work on one. -1 behind the last row, for a whole warp.
template <int kRowThreads>
__device__ __forceinline__ int row_of_thread(int rows) {
  const int row = kRowThreads == kThreads ? static_cast<int>(blockIdx.x)
                                          : static_cast<int>(blockIdx.x) * (kThreads / kRowThreads) + warp_index();
  return row < rows ? row : -1;
}

// Rows of several pieces are loaded twice, others once.
template <int kRowThreads, bool kGated>
__global__ void __launch_bounds__(kThreads, 1) rms_norm_kernel(RowTask task) {
  prefetch_vector(task.weight, task.cols);
  wait_for_previous_kernel();
  using RowPiece = Piece<kRowThreads>;
  const int row = row_of_thread<kRowThreads>(task.rows), thread = static_cast<int>(threadIdx.x) % kRowThreads;
  if (row < 0) return;
  typename RowPiece::Values values = {}, weight = {}, gate = {};
  const auto load_rest = [&](const RowPiece& piece) {
    piece.load(weight, task.weight);
    if constexpr (kGated) piece.load(gate, task.other.row(row));
  };
  float sum = 0;
  for (int first = 0; first < task.cols; first += RowPiece::kColumns) {
    const RowPiece piece(task, thread, first);
    piece.load(values, task.x.row(row));
    if (first == 0) load_rest(piece);
    piece.for_values([&](int step, int i) { sum = fmaf(values[step][i], values[step][i], sum); });
  }
  sum = block_sum<kRowThreads>(sum, dynamic_shared<RowSums>().sums);
  const float scale = 1.0f / sqrtf(sum / static_cast<float>(task.cols) + task.eps);
  for (int first = 0; first < task.cols; first += RowPiece::kColumns) {
    const RowPiece piece(task, thread, first);
    if (task.cols > RowPiece::kColumns) piece.load(values, task.x.row(row)), load_rest(piece);
    piece.for_values([&](int step, int i) {
      values[step][i] = values[step][i] * scale * weight[step][i];
      if constexpr (kGated) values[step][i] = values[step][i] * silu(gate[step][i]);
    });
    piece.store(task.out.row(row), values);
    if (task.codes.blocks != nullptr) piece.write(task.codes, row, task.cols, values);
  }
}

template <int kRowThreads>
__global__ void __launch_bounds__(kThreads, 1) add_shared_expert_kernel(RowTask task) {
  prefetch_vector(task.weight, task.cols);
  wait_for_previous_kernel();
  using RowPiece = Piece<kRowThreads>;
  const int row = row_of_thread<kRowThreads>(task.rows), thread = static_cast<int>(threadIdx.x) % kRowThreads;
  if (row < 0) return;
  typename RowPiece::Values values = {}, weight = {};
  float sum = 0;
  for (int first = 0; first < task.cols; first += RowPiece::kColumns) {
    const RowPiece piece(task, thread, first);
    piece.load(values, task.x.row(row)), piece.load(weight, task.weight);
    piece.for_values([&](int step, int i) { sum = fmaf(values[step][i], weight[step][i], sum); });
  }
  const float share = sigmoid(block_sum<kRowThreads>(sum, dynamic_shared<RowSums>().sums));
  for (int first = 0; first < task.cols; first += RowPiece::kColumns) {
    const RowPiece piece(task, thread, first);
    typename RowPiece::Values& out = weight;
    piece.load(values, task.other.row(row)), piece.load(out, task.out.row(row));
    piece.for_values([&](int step, int i) { out[step][i] = fmaf(share, values[step][i], out[step][i]); });
    piece.store(task.out.row(row), out);
  }
}

// Four values per thread.
struct ValueTask {
  Matrix out, gate, other;
  unsigned count;  // of threads
  int cols;
  bool is_aligned;
  RowCodes codes;
};

constexpr int kValueThreads = 128;

template <bool kSwiglu>
__global__ void __launch_bounds__(kValueThreads) gate_kernel(ValueTask task) {
  wait_for_previous_kernel();
  const unsigned index = blockIdx.x * kValueThreads + threadIdx.x;
  if (index >= task.count) return;
  const unsigned row_fours = static_cast<unsigned>(task.cols + 3) / 4, row = index / row_fours;
  const int column = static_cast<int>(4 * (index % row_fours));
  float gate[4], values[1][4];
  load_four(gate, task.gate.row(row), column, task.cols, task.is_aligned);
  load_four(values[0], task.other.row(row), column, task.cols, task.is_aligned);
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    float& value = values[0][i];
    value = kSwiglu ? silu(gate[i]) * value : value * sigmoid(gate[i]);
  }
  store_four(task.out.row(row), column, task.cols, task.is_aligned, values[0]);
  if (task.codes.blocks != nullptr) write_codes<1>(task.codes, 4 * index, 0, 1, values);
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
  const bool is_short = task.cols <= kShortColumns;
  const int blocks = is_short ? ceil_divide(task.rows, kThreads / kWarpLanes) : task.rows;
  launch(is_short ? for_warps : for_blocks, Grid{name, dim3(static_cast<unsigned>(blocks)), kThreads, sizeof(RowSums)},
         context, task);
}

// Rows whose columns are whole warps of fours.
constexpr int kCodedColumns = 4 * kWarpLanes;

// Inside a step start(codes) is put off until it is known whether a product comes next.
template <class Start>
void start_or_defer(CudaContext& context, const Tensor& out, Start start) {
  PACELINE_ASSERT(int64_t{out.rows} * out.cols < int64_t{1} << 31);
  if (out.rows == 0) return;
  if (context.step.is_step() && out.cols % kCodedColumns == 0) context.deferred.set(out, start);
  else start(RowCodes{});
}

bool is_aligned(const Tensor& tensor) {
  return tensor.cols % 4 == 0 && tensor.stride % 4 == 0 && reinterpret_cast<uintptr_t>(tensor.data) % 16 == 0;
}

template <bool kGated>
void norm(CudaContext& context, const char* name, Tensor out, Tensor x, Tensor weight, Tensor z, float eps) {
  start_or_defer(context, out, [=, &context](const RowCodes& codes) {
    const bool aligned = is_aligned(out) && is_aligned(x) && is_aligned(weight) && (!kGated || is_aligned(z));
    launch_rows(
        context, name, rms_norm_kernel<kWarpLanes, kGated>, rms_norm_kernel<kThreads, kGated>,
        {matrix(out), matrix(x), kGated ? matrix(z) : Matrix{}, weight.f32(), x.rows, x.cols, eps, aligned, codes});
  });
}

template <bool kSwiglu>
void gate_values(CudaContext& context, const char* name, Tensor out, Tensor gate, Tensor other) {
  start_or_defer(context, out, [=, &context](const RowCodes& codes) {
    const unsigned count = static_cast<unsigned>(out.rows) * static_cast<unsigned>((out.cols + 3) / 4);
    const bool aligned = is_aligned(out) && is_aligned(gate) && is_aligned(other);
    launch(gate_kernel<kSwiglu>, Grid{name, dim3((count + kValueThreads - 1) / kValueThreads), kValueThreads, 0},
           context, ValueTask{matrix(out), matrix(gate), matrix(other), count, out.cols, aligned, codes});
  });
}

}  // namespace

void rms_norm(CudaContext& context, Tensor out, Tensor x, Tensor weight, float eps) {
  norm<false>(context, "rms_norm", out, x, weight, {}, eps);
}

void gated_rms_norm(CudaContext& context, Tensor out, Tensor x, Tensor weight, Tensor z, float eps) {
  norm<true>(context, "gated_rms_norm", out, x, weight, z, eps);
}

void add_shared_expert(CudaContext& context, Tensor out, Tensor shared, Tensor x, Tensor gate) {
  if (out.rows == 0) return;
  launch_rows(context, "add_shared_expert", add_shared_expert_kernel<kWarpLanes>, add_shared_expert_kernel<kThreads>,
              {matrix(out),
               matrix(x),
               matrix(shared),
               gate.f32(),
               out.rows,
               out.cols,
               0,
               is_aligned(out) && is_aligned(x) && is_aligned(shared) && is_aligned(gate),
               {}});
}

void swiglu(CudaContext& context, Tensor out, Tensor gate, Tensor up) {
  gate_values<true>(context, "swiglu", out, gate, up);
}

void sigmoid_gate(CudaContext& context, Tensor x, Tensor gate) {
  gate_values<false>(context, "sigmoid_gate", x, gate, x);
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

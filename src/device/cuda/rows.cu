// rms_norm:          out_i = x_i * weight_i / sqrt(mean(x^2) + eps)
// gated_rms_norm:    the same times silu(z_i)
// add_shared_expert: out_i += sigmoid(x . gate) * shared_i
// swiglu:            out_i = silu(gate_i) * up_i;   sigmoid_gate: x_i *= sigmoid(gate_i);   gather_rows: out_i = in_rows[i]
//
// Called by CudaDevice's operations of these names, a few times per layer. What sums over a row gives it to a warp when it is short (a head's
// norm), to a block otherwise; which of the two, and so the order of the sum, is decided by the number of columns alone. A thread adds four
// neighbours of every 128 or 2,048 columns, then a fixed tree (reduce.h). One row is one block on an idle GPU, so what counts is how often it
// waits for memory: all of a row, of weights and gates is asked for before any of it is used, and a thread keeps its values.
// Norms and gates may write a product's codes as well (deferred_rows.h, encode-inl.h); a norm of heads that are turned next does it by the way
// (rotate.cu).
// No weights of a model file. Share of peak: not measured yet (no GPU).
#include "device/cuda/row_pieces-inl.h"
#include "device/cuda/rows.h"

namespace paceline::cuda {

namespace {

// Rows of several pieces are loaded twice, others once.
template <int kRowThreads, bool kGated>
__global__ void __launch_bounds__(block_threads(kRowThreads), 1) rms_norm_kernel(RowTask task) {
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
  const float scale = norm_scale(task, sum);
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
__global__ void __launch_bounds__(block_threads(kRowThreads), 1) add_shared_expert_kernel(RowTask task) {
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
  if (task.codes.blocks != nullptr) write_codes<1>(task.codes, 4 * index, 0, 1, 1, values);
}

constexpr int kGatherThreads = 256;

struct GatherTask {
  static constexpr int kRows = 512;
  Matrix out, in;
  int cols;
  int rows[kRows];
};

__global__ void __launch_bounds__(kGatherThreads) gather_kernel(GatherTask task) {
  wait_for_previous_kernel();
  const int row = static_cast<int>(blockIdx.x), column = static_cast<int>(blockIdx.y * kGatherThreads + threadIdx.x);
  if (column < task.cols) task.out.row(row)[column] = task.in.row(task.rows[row])[column];
}

using RowKernel = void (*)(RowTask);

// The kernel for few columns has a row in each warp, the other one in each block.
void launch_rows(CudaContext& context, const char* name, RowKernel for_warps, RowKernel for_blocks,
                 const RowTask& task) {
  const bool is_short = task.cols <= kShortColumns;
  const int blocks = is_short ? ceil_divide(task.rows, kShortThreads / kWarpLanes) : task.rows;
  launch(is_short ? for_warps : for_blocks,
         Grid{name, dim3(static_cast<unsigned>(blocks)), is_short ? kShortThreads : kLongThreads, sizeof(RowSums)},
         context, task);
}

template <bool kGated>
void norm(CudaContext& context, const char* name, const Norm& norm, const Tensor& z, const RowCodes& codes) {
  RowTask task = task_of(norm);
  task.codes = codes;
  if constexpr (kGated) task.other = matrix(z), task.is_aligned &= is_aligned(z);
  launch_rows(context, name, rms_norm_kernel<kWarpLanes, kGated>, rms_norm_kernel<kLongThreads, kGated>, task);
}

template <bool kSwiglu>
void gate_values(CudaContext& context, const char* name, Tensor out, Tensor gate, Tensor other) {
  start_or_defer(context, out, RowsMadeBy::Other, [=, &context](const RowExtras& extras) {
    const unsigned count = static_cast<unsigned>(out.rows) * static_cast<unsigned>((out.cols + 3) / 4);
    const bool aligned = is_aligned(out) && is_aligned(gate) && is_aligned(other);
    launch(gate_kernel<kSwiglu>, Grid{name, dim3((count + kValueThreads - 1) / kValueThreads), kValueThreads, 0},
           context, ValueTask{matrix(out), matrix(gate), matrix(other), count, out.cols, aligned, extras.codes});
  });
}

}  // namespace

void rms_norm(CudaContext& context, Tensor out, Tensor x, Tensor weight, float eps) {
  const auto maker = x.cols <= kShortColumns ? RowsMadeBy::ShortNorm : RowsMadeBy::Other;
  start_or_defer(context, out, maker, [=, &context](const RowExtras& extras) {
    if (extras.rotation != nullptr) rotated_rms_norm(context, {out, x, weight, eps}, *extras.rotation, extras.stored);
    else norm<false>(context, "rms_norm", {out, x, weight, eps}, {}, extras.codes);
  });
}

void gated_rms_norm(CudaContext& context, Tensor out, Tensor x, Tensor weight, Tensor z, float eps) {
  start_or_defer(context, out, RowsMadeBy::Other, [=, &context](const RowExtras& extras) {
    norm<true>(context, "gated_rms_norm", {out, x, weight, eps}, z, extras.codes);
  });
}

void add_shared_expert(CudaContext& context, Tensor out, Tensor shared, Tensor x, Tensor gate) {
  if (out.rows == 0) return;
  launch_rows(context, "add_shared_expert", add_shared_expert_kernel<kWarpLanes>,
              add_shared_expert_kernel<kLongThreads>,
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
  if (context.deferred.can_gate(x, gate)) return context.deferred.add_gate(gate);
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
    const dim3 blocks(static_cast<unsigned>(count), static_cast<unsigned>(ceil_divide(in.cols, kGatherThreads)));
    launch(gather_kernel, Grid{"gather_rows", blocks, kGatherThreads, 0}, context, task);
  }
}

}  // namespace paceline::cuda

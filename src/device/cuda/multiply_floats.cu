// out = sum over columns of weight * x, for F32 weights, with x in f32.
//
// Called by project, project_add and project_experts for the few float matrices of quantized models (the gates of recurrent layers, the
// routers of experts) and for models that are F32 throughout. Such a matrix has few outputs and many columns, so a block makes one output of up to 8 rows, or
// four where there are blocks enough, and its warps have a share of the columns each, as in the kernels of the other formats: from step
// s S / 8 to (s + 1) S / 8 of the S steps of 128 columns. Of a step lane l takes columns 4l … 4l + 3, in order, each by fmaf; the lanes' sums
// meet in a fixed tree, the shares are added in order. Each row has its own sum, and no part of the order depends on how many there are.
// What a lane needs of several steps is asked for at once. Bytes per weight: 4. Share of peak: not measured yet (no GPU).
#include "device/cuda/intrinsics.h"
#include "device/cuda/launch.h"
#include "device/cuda/multiply.h"

namespace paceline::cuda {

namespace {

constexpr int kWarps = 8;
constexpr int kLaneColumns = 4, kStepColumns = 32 * kLaneColumns;
constexpr int kManyOutputs = 4;  // of a block, where there are blocks enough

struct FloatPart {
  const float* panels;
  int panels_per_expert, outputs;
  float* out;
  int64_t out_stride;

  __host__ __device__ int blocks(int block_outputs) const { return (outputs + block_outputs - 1) / block_outputs; }
};

struct FloatTask {
  FloatPart parts[kMostTogether];
  int64_t panel_values;
  int cols;
  const float* x;
  int64_t x_stride;
  int x_rows, tiles;
  const int* sources;
  const int* tile_experts;
  int rows;
  bool add;
  bool is_aligned;  // every row of x, to 16 bytes
};

template <int kRows, int kOutputs>
struct FloatShares {
  float sums[kWarps][kOutputs * kRows];
};

// The rows of x of the tile; where there is none, row 0, whose product is not written.
template <int kRows>
__device__ __forceinline__ void find_rows(const FloatTask& task, int tile, const float* (&rows)[kRows]) {
#pragma unroll
  for (int r = 0; r < kRows; ++r)
    rows[r] = task.x + max(source_row(task.sources, tile * kTileRows + r, task.x_rows), 0) * task.x_stride;
}

__device__ __forceinline__ void add_four(const float4& weight, const float4& x, float& sum) {
  sum = fmaf(weight.x, x.x, sum);
  sum = fmaf(weight.y, x.y, sum);
  sum = fmaf(weight.z, x.z, sum);
  sum = fmaf(weight.w, x.w, sum);
}

// The lane's columns of x of a step that may end behind the last column: zeros there.
__device__ __forceinline__ float4 some_columns(const float* x, int column, int cols) {
  float four[kLaneColumns];
#pragma unroll
  for (int i = 0; i < kLaneColumns; ++i) four[i] = column + i < cols ? x[column + i] : 0.0f;
  return {four[0], four[1], four[2], four[3]};
}

// The lane's four columns from `column` on. kWhole: they exist and lie on 16 bytes, in all rows.
template <bool kWhole, int kRows, int kOutputs>
__device__ __forceinline__ void add_columns(const FloatTask& task, const float* weights,
                                            const float* const (&rows)[kRows], int column,
                                            float (&sums)[kOutputs][kRows]) {
  float4 x[kRows];
#pragma unroll
  for (int r = 0; r < kRows; ++r)
    x[r] = kWhole ? load_wide<float4>(rows[r] + column) : some_columns(rows[r], column, task.cols);
#pragma unroll
  for (int o = 0; o < kOutputs; ++o) {
    const float4 weight = load_wide<float4>(weights + float_place(o, column));
#pragma unroll
    for (int r = 0; r < kRows; ++r) add_four(weight, x[r], sums[o][r]);
  }
}

// A warp's share of the sums. `weights`: the first output's row of its panel.
template <int kRows, int kOutputs>
__device__ __forceinline__ void add_share(const FloatTask& task, const float* weights,
                                          const float* const (&rows)[kRows], float (&sums)[kOutputs][kRows]) {
  [[maybe_unused]] constexpr int kStepsAtOnce = kRows == 1 ? 5 : kRows * kOutputs <= 4 ? 2 : 1;
  const int steps = (task.cols + kStepColumns - 1) / kStepColumns, lane_column = lane_index() * kLaneColumns;
  const int first = warp_index() * steps / kWarps, last = (warp_index() + 1) * steps / kWarps;
  const int whole = task.is_aligned ? min(last, task.cols / kStepColumns) : first;
#pragma unroll kStepsAtOnce
  for (int step = first; step < whole; ++step)
    add_columns<true>(task, weights, rows, step * kStepColumns + lane_column, sums);
  for (int step = whole; step < last; ++step) {
    const int column = step * kStepColumns + lane_column;
    if (column < task.cols) add_columns<false>(task, weights, rows, column, sums);
  }
}

// blockIdx.x: kOutputs outputs, those of one weight behind those of another, and of them the tiles, so that blocks side by side share weights.
template <int kRows, int kOutputs>
__global__ void __launch_bounds__(32 * kWarps) multiply_floats_kernel(FloatTask task) {
  wait_for_previous_kernel();
  int block = static_cast<int>(blockIdx.x) / task.tiles, which = 0;
  while (block >= task.parts[which].blocks(kOutputs)) block -= task.parts[which++].blocks(kOutputs);
  const FloatPart& part = task.parts[which];
  const int tile = static_cast<int>(blockIdx.x) % task.tiles, output = block * kOutputs;
  const int expert = task.tile_experts != nullptr ? task.tile_experts[tile] : 0;
  if (expert < 0) return;
  const float* weights =
      part.panels + (int64_t{expert} * part.panels_per_expert + output / kPanelRows) * task.panel_values;
  const float* rows[kRows];
  find_rows(task, tile, rows);
  float sums[kOutputs][kRows] = {};
  add_share<kRows, kOutputs>(task, weights + float_place(output % kPanelRows, 0), rows, sums);

  auto& shares = dynamic_shared<FloatShares<kRows, kOutputs>>();
#pragma unroll
  for (int i = 0; i < kOutputs * kRows; ++i) {
    float& sum = sums[i / kRows][i % kRows];
    for (int distance = 16; distance > 0; distance /= 2) sum += __shfl_xor_sync(kAllLanes, sum, distance);
    if (lane_index() == 0) shares.sums[warp_index()][i] = sum;
  }
  __syncthreads();
  const int i = static_cast<int>(threadIdx.x), row = tile * kTileRows + i % kRows;
  if (i >= kOutputs * kRows || row >= task.rows || output + i / kRows >= part.outputs) return;
  float sum = 0;
  for (int warp = 0; warp < kWarps; ++warp) sum += shares.sums[warp][i];
  float* out = part.out + row * part.out_stride + output + i / kRows;
  *out = task.add ? *out + sum : sum;
}

int64_t blocks_of(const FloatTask& task, int block_outputs) {
  int64_t blocks = 0;
  for (const FloatPart& part : task.parts) blocks += part.blocks(block_outputs);
  return blocks * task.tiles;
}

template <int kRows, int kOutputs>
void launch_floats(CudaContext& context, const FloatTask& task) {
  const int64_t blocks = blocks_of(task, kOutputs);
  PACELINE_ASSERT(blocks < int64_t{1} << 31);
  launch(
      multiply_floats_kernel<kRows, kOutputs>,
      Grid{"multiply floats", dim3(static_cast<unsigned>(blocks)), 32 * kWarps, sizeof(FloatShares<kRows, kOutputs>)},
      context, task);
}

// A block makes one output while there are few of them, so that the whole GPU reads, else four, which share what they read of the rows.
template <int kRows>
void launch_rows(CudaContext& context, const FloatTask& task) {
  constexpr int kEnoughBlocks = 8;  // for each multiprocessor
  if (blocks_of(task, kManyOutputs) < kEnoughBlocks * context.multiprocessor_count)
    launch_floats<kRows, 1>(context, task);
  else launch_floats<kRows, kManyOutputs>(context, task);
}

}  // namespace

void multiply_floats(CudaContext& context, std::span<const Product> products, const ProductRows& rows) {
  const CudaWeight& first = *products.front().weight;
  FloatTask task{{},
                 static_cast<int64_t>(first.panel_size() / sizeof(float)),
                 rows.x.cols,
                 rows.x.f32(),
                 rows.x.stride,
                 rows.x.rows,
                 rows.list.tiles,
                 rows.list.sources,
                 rows.tile_experts,
                 rows.count,
                 rows.add,
                 rows.x.stride % kLaneColumns == 0 && reinterpret_cast<uintptr_t>(rows.x.data) % 16 == 0};
  for (size_t i = 0; i < products.size(); ++i) {
    const CudaWeight& weight = *products[i].weight;
    PACELINE_ASSERT(weight.cols == rows.x.cols && weight.type == QuantType::F32);
    task.parts[i] = {reinterpret_cast<const float*>(weight.panels()), weight.panels_per_expert(), weight.rows,
                     products[i].out, products[i].out_stride};
  }
  if (task.tiles == 1 && task.rows == 1) launch_rows<1>(context, task);
  else if (task.tiles == 1 && task.rows <= 4) launch_rows<4>(context, task);
  else launch_rows<kTileRows>(context, task);
}

}  // namespace paceline::cuda

// out = sum over columns of weight * x, for F32 weights, with x in f32.
//
// Called by project, project_add and project_experts for the few float matrices of quantized models (the gates of recurrent layers) and for
// models that are F32 throughout. A warp makes one output of up to 8 rows, so that a weight is loaded once for all of them; lane l takes
// columns 4l … 4l + 3 of every 128, in order, each by fmaf; the lanes' sums meet in a fixed tree. Each row has its own sum, and no part of
// the order depends on how many there are. Bytes per weight: 4. Share of peak: not measured yet (no GPU).
#include "device/cuda/intrinsics.h"
#include "device/cuda/launch.h"
#include "device/cuda/multiply.h"

namespace paceline::cuda {

namespace {

constexpr int kWarps = 8;
constexpr int kLaneColumns = 4, kStepColumns = 32 * kLaneColumns;

struct FloatPart {
  const float* panels;
  int panels_per_expert, outputs;
  float* out;
  int64_t out_stride;

  __host__ __device__ int blocks() const { return (outputs + kWarps - 1) / kWarps; }
};

struct FloatTask {
  FloatPart parts[kMostTogether];
  int64_t panel_values;
  int cols;
  const float* x;
  int64_t x_stride;
  int x_rows;
  const int* sources;
  const int* tile_experts;
  int rows;
  bool add;
};

// The row of x behind each row of the tile; nullptr where there is none.
__device__ void find_rows(const FloatTask& task, int tile, const float* (&rows)[kTileRows]) {
#pragma unroll
  for (int r = 0; r < kTileRows; ++r) {
    const int source = source_row(task.sources, tile * kTileRows + r, task.x_rows);
    rows[r] = source >= 0 ? task.x + source * task.x_stride : nullptr;
  }
}

__device__ void add_columns(const float4& weights, const float* x, int columns, float& sum) {
  const float four[kLaneColumns] = {weights.x, weights.y, weights.z, weights.w};
  if (columns >= kLaneColumns) {
#pragma unroll
    for (int i = 0; i < kLaneColumns; ++i) sum = fmaf(four[i], x[i], sum);
  } else {
    for (int i = 0; i < columns; ++i) sum = fmaf(four[i], x[i], sum);
  }
}

__global__ void __launch_bounds__(32 * kWarps) multiply_floats_kernel(FloatTask task) {
  wait_for_previous_kernel();
  int block = static_cast<int>(blockIdx.y), which = 0;
  while (block >= task.parts[which].blocks()) block -= task.parts[which++].blocks();
  const FloatPart& part = task.parts[which];
  const int tile = static_cast<int>(blockIdx.x), output = block * kWarps + warp_index();
  const int expert = task.tile_experts != nullptr ? task.tile_experts[tile] : 0;
  if (expert < 0 || output >= part.outputs) return;
  const float* panel =
      part.panels + (int64_t{expert} * part.panels_per_expert + output / kPanelRows) * task.panel_values;
  const float* rows[kTileRows];
  find_rows(task, tile, rows);
  float sums[kTileRows] = {};
  for (int c = lane_index() * kLaneColumns; c < task.cols; c += kStepColumns) {
    const float4 four = load_wide<float4>(panel + float_place(output % kPanelRows, c));
#pragma unroll
    for (int r = 0; r < kTileRows; ++r)
      if (rows[r] != nullptr) add_columns(four, rows[r] + c, task.cols - c, sums[r]);
  }
#pragma unroll
  for (int r = 0; r < kTileRows; ++r) {
    for (int distance = 16; distance > 0; distance /= 2) sums[r] += __shfl_xor_sync(kAllLanes, sums[r], distance);
    const int row = tile * kTileRows + r;
    if (lane_index() != 0 || row >= task.rows) continue;
    float* out = part.out + row * part.out_stride + output;
    *out = task.add ? *out + sums[r] : sums[r];
  }
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
                 rows.list.sources,
                 rows.tile_experts,
                 rows.count,
                 rows.add};
  int blocks = 0;
  for (size_t i = 0; i < products.size(); ++i) {
    const CudaWeight& weight = *products[i].weight;
    PACELINE_ASSERT(weight.cols == rows.x.cols && weight.type == QuantType::F32);
    task.parts[i] = {reinterpret_cast<const float*>(weight.panels()), weight.panels_per_expert(), weight.rows,
                     products[i].out, products[i].out_stride};
    blocks += task.parts[i].blocks();
  }
  const Grid grid{"multiply floats", dim3(static_cast<unsigned>(rows.list.tiles), static_cast<unsigned>(blocks)),
                  32 * kWarps};
  launch(multiply_floats_kernel, grid, context, task);
}

}  // namespace paceline::cuda

// out = sum over columns of weight * x, for F32, F16 and BF16 weights, with x in f32.
//
// Called by project, project_add and project_experts for the few float matrices of quantized models (the gates of recurrent layers) and for
// models that are float throughout. A warp makes one output of up to 8 rows, so that a weight is loaded once for all of them; lane l takes
// columns 4l … 4l + 3 of every 128, in order, each by fmaf; the lanes' sums meet in a fixed tree. Each row has its own sum, and no part of
// the order depends on how many there are. Bytes per weight: 4 or 2. Share of peak: not measured yet (no GPU).
#include "device/cuda/intrinsics.h"
#include "device/cuda/launch.h"
#include "device/cuda/multiply.h"

namespace paceline::cuda {

namespace {

constexpr int kWarps = 8;
constexpr int kLaneColumns = 4, kStepColumns = 32 * kLaneColumns;

struct FloatPart {
  const std::byte* weights;
  int64_t expert_rows;  // with those that fill up its last panel
  int outputs;
  float* out;
  int64_t out_stride;

  __host__ __device__ int blocks() const { return (outputs + kWarps - 1) / kWarps; }
};

struct FloatTask {
  FloatPart parts[kMostTogether];
  int64_t weight_stride, cols;
  const float* x;
  int64_t x_stride;
  int x_rows;
  const int* sources;
  const int* tile_experts;
  int rows;
  bool add;
};

struct F32Element {
  static __device__ void load(const std::byte* at, float (&out)[4]) {
    const float4 four = load_wide<float4>(at);
    out[0] = four.x, out[1] = four.y, out[2] = four.z, out[3] = four.w;
  }
  static constexpr int kBytes = 4;
};
struct F16Element {
  static __device__ void load(const std::byte* at, float (&out)[4]) {
    const uint2 four = load_wide<uint2>(at);
    out[0] = half_to_float(static_cast<uint16_t>(four.x)), out[1] = half_to_float(static_cast<uint16_t>(four.x >> 16));
    out[2] = half_to_float(static_cast<uint16_t>(four.y)), out[3] = half_to_float(static_cast<uint16_t>(four.y >> 16));
  }
  static constexpr int kBytes = 2;
};
struct Bf16Element {
  static __device__ void load(const std::byte* at, float (&out)[4]) {
    const uint2 four = load_wide<uint2>(at);
    out[0] = __uint_as_float(four.x << 16), out[1] = __uint_as_float(four.x & 0xffff0000u);
    out[2] = __uint_as_float(four.y << 16), out[3] = __uint_as_float(four.y & 0xffff0000u);
  }
  static constexpr int kBytes = 2;
};

// The row of x behind each row of the tile; nullptr where there is none.
__device__ void find_rows(const FloatTask& task, int tile, const float* (&rows)[kTileRows]) {
#pragma unroll
  for (int r = 0; r < kTileRows; ++r) {
    const int slot = tile * kTileRows + r;
    const int source = task.sources != nullptr ? task.sources[slot] : (slot < task.x_rows ? slot : -1);
    rows[r] = source >= 0 ? task.x + source * task.x_stride : nullptr;
  }
}

__device__ void add_columns(const float (&weights)[4], const float* x, int64_t columns, float& sum) {
  if (columns >= kLaneColumns) {
#pragma unroll
    for (int i = 0; i < kLaneColumns; ++i) sum = fmaf(weights[i], x[i], sum);
  } else {
    for (int i = 0; i < columns; ++i) sum = fmaf(weights[i], x[i], sum);
  }
}

template <class Element>
__global__ void __launch_bounds__(32 * kWarps) multiply_floats_kernel(FloatTask task) {
  wait_for_previous_kernel();
  int block = static_cast<int>(blockIdx.y), which = 0;
  while (block >= task.parts[which].blocks()) block -= task.parts[which++].blocks();
  const FloatPart& part = task.parts[which];
  const int tile = static_cast<int>(blockIdx.x), output = block * kWarps + warp_index();
  const int expert = task.tile_experts != nullptr ? task.tile_experts[tile] : 0;
  if (expert < 0 || output >= part.outputs) return;
  const std::byte* weights = part.weights + (expert * part.expert_rows + output) * task.weight_stride * Element::kBytes;
  const float* rows[kTileRows];
  find_rows(task, tile, rows);
  float sums[kTileRows] = {};
  for (int64_t c = lane_index() * kLaneColumns; c < task.cols; c += kStepColumns) {
    float four[4];
    Element::load(weights + c * Element::kBytes, four);
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
  const QuantType type = products.front().weight->type;
  FloatTask task{{},          float_stride(rows.x.cols), rows.x.cols,       rows.x.f32(), rows.x.stride,
                 rows.x.rows, rows.list.sources,         rows.tile_experts, rows.count,   rows.add};
  int blocks = 0;
  for (size_t i = 0; i < products.size(); ++i) {
    const CudaWeight& weight = *products[i].weight;
    PACELINE_ASSERT(weight.cols == rows.x.cols && is_float_format(weight.type));
    task.parts[i] = {weight.panels(), int64_t{weight.panels_per_expert()} * kPanelRows, weight.rows, products[i].out,
                     products[i].out_stride};
    blocks += task.parts[i].blocks();
  }
  const Grid grid{"multiply floats", dim3(static_cast<unsigned>(rows.list.tiles), static_cast<unsigned>(blocks)),
                  32 * kWarps};
  if (type == QuantType::F32) launch(multiply_floats_kernel<F32Element>, grid, context, task);
  else if (type == QuantType::F16) launch(multiply_floats_kernel<F16Element>, grid, context, task);
  else launch(multiply_floats_kernel<Bf16Element>, grid, context, task);
}

}  // namespace paceline::cuda

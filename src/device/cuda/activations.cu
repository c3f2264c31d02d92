// codes = round(x * 127 / max|x|) and scale = max|x| / 127 of every row and block of 32 columns, with the sums of the codes.
//
// Called once for all weights that share an input, where the kernel that made the input did not do it (deferred_rows.h). A warp makes one block of
// one tile: lane l has the eight values of row l / 4 whose codes it will hold as an operand, so that nothing is moved between lanes; maximum
// and sums are two shuffles. The work is a thousandth of the products'. Share of peak: not measured yet (no GPU).
#include "device/cuda/encode-inl.h"
#include "device/cuda/launch.h"

namespace paceline::cuda {

namespace {

constexpr int kWarps = 4;

struct QuantizeTask {
  const float* x;
  int64_t stride;
  int rows, block_count, used_blocks;
  const int* sources;
  ActivationBlocks* out;
};

struct Four {
  float values[4];
};

__device__ Four load_four(const float* x) {
  Four out;
#pragma unroll
  for (int i = 0; i < 4; ++i) out.values[i] = x[i];
  return out;
}

__device__ float magnitude(const Four& four) {
  float out = 0;
#pragma unroll
  for (int i = 0; i < 4; ++i) out = fmaxf(fabsf(four.values[i]), out);
  return out;
}

// Over the four lanes that share a row.
__device__ int add_over_row(int value) {
  value += __shfl_xor_sync(kAllLanes, value, 1);
  return value + __shfl_xor_sync(kAllLanes, value, 2);
}

__global__ void __launch_bounds__(32 * kWarps) quantize_kernel(QuantizeTask task) {
  wait_for_previous_kernel();
  const int block = static_cast<int>(blockIdx.x) * kWarps + warp_index(), tile = static_cast<int>(blockIdx.y);
  if (block >= task.block_count) return;
  const int lane = lane_index(), slot = tile * kTileRows + lane / 4;
  const int row = source_row(task.sources, slot, task.rows);
  Four low{}, high{};
  if (row >= 0 && block < task.used_blocks) {
    const float* at = task.x + row * task.stride + block * kBlockColumns + 4 * (lane % 4);
    low = load_four(at), high = load_four(at + 16);
  }
  float found = fmaxf(magnitude(low), magnitude(high));
  found = fmaxf(found, __shfl_xor_sync(kAllLanes, found, 1));
  found = fmaxf(found, __shfl_xor_sync(kAllLanes, found, 2));
  const BlockScale scale(found);

  int sum_low = 0, sum_high = 0;
  uint2 codes;
  codes.x = scale.word(low.values, sum_low);
  codes.y = scale.word(high.values, sum_high);
  sum_low = add_over_row(sum_low), sum_high = add_over_row(sum_high);
  ActivationBlocks& out = task.out[(int64_t{tile} * task.block_count + block) / 2];
  store_wide(&out.codes[lane][block % 2], codes);
  if (lane % 4 == 0) write_factors(out, lane / 4, block % 2, scale.scale, sum_low, sum_high);
}

}  // namespace

Activations quantize(CudaContext& context, Tensor x, RowList rows, ActivationBlocks* blocks) {
  PACELINE_ASSERT(x.cols % kBlockColumns == 0);
  const int block_count = group_count(x.cols) * kGroupBlocks;
  const QuantizeTask task{x.f32(), x.stride, x.rows, block_count, x.cols / kBlockColumns, rows.sources, blocks};
  // The grid's second extent is limited to 65,535 tiles, far more rows than a batch has.
  launch(quantize_kernel,
         Grid{"quantize",
              dim3(static_cast<unsigned>((block_count + kWarps - 1) / kWarps), static_cast<unsigned>(rows.tiles)),
              32 * kWarps},
         context, task);
  return {blocks, rows.tiles, group_count(x.cols)};
}

}  // namespace paceline::cuda

// x = scale * (high + low), high the nearest value of 16 bits and low the nearest to what is left, for every row and block of 32 columns.
//
// Called once for up to four F16 or BF16 weights that share an input. A warp makes one block of one tile: a lane has the eight values that it will
// hold as an operand. The work is a thousandth of the products'. Share of peak: not measured yet (no GPU).
#include "device/cuda/binade.h"
#include "device/cuda/launch.h"
#include "device/cuda/sixteen_bits.h"
#include "device/cuda/split_rows.h"

namespace paceline::cuda {

namespace {

constexpr int kWarps = 4, kLaneColumns = 8;

struct SplitTask {
  const float* x;
  int64_t stride;
  int rows, cols, blocks;
  const int* sources;
  SplitBlock* out;
};

template <class Element>
__global__ void __launch_bounds__(32 * kWarps) split_kernel(SplitTask task) {
  wait_for_previous_kernel();
  const int block = static_cast<int>(blockIdx.x) * kWarps + warp_index(), tile = static_cast<int>(blockIdx.y);
  if (block >= task.blocks) return;
  const int lane = lane_index(), slot = tile * kTileRows + lane / 4;
  const int row = source_row(task.sources, slot, task.rows);
  const int first = block * kBlockColumns + lane % 4 * kLaneColumns;
  float values[kLaneColumns], magnitude = 0;
#pragma unroll
  for (int i = 0; i < kLaneColumns; ++i) {
    values[i] = row >= 0 && first + i < task.cols ? task.x[row * task.stride + first + i] : 0.0f;
    magnitude = fmaxf(magnitude, fabsf(values[i]));
  }
  magnitude = fmaxf(magnitude, __shfl_xor_sync(kAllLanes, magnitude, 1));
  magnitude = fmaxf(magnitude, __shfl_xor_sync(kAllLanes, magnitude, 2));
  const Binade binade(magnitude);
  uint32_t high[kLaneColumns / 2], low[kLaneColumns / 2];
#pragma unroll
  for (int i = 0; i < kLaneColumns; i += 2) {
    const float one = values[i] * binade.up, other = values[i + 1] * binade.up;
    high[i / 2] = Element::pack(one, other);
    const float one_left = one - Element::low(high[i / 2]), other_left = other - Element::high(high[i / 2]);
    // Of infinity and NaN nothing is left.
    low[i / 2] = Element::pack(fabsf(one_left) < 4 ? one_left : 0, fabsf(other_left) < 4 ? other_left : 0);
  }
  SplitBlock& out = task.out[int64_t{tile} * task.blocks + block];
  out.high[lane] = {high[0], high[1], high[2], high[3]};
  out.low[lane] = {low[0], low[1], low[2], low[3]};
  if (lane % 4 == 0) out.scale[lane / 4] = binade.down;
}

}  // namespace

void split_rows(CudaContext& context, QuantType type, Tensor x, RowList rows, SplitBlock* blocks) {
  const SplitTask task{x.f32(), x.stride, x.rows, x.cols, block_count(x.cols), rows.sources, blocks};
  // The grid's second extent is limited to 65,535 tiles, far more rows than a batch has.
  const Grid grid{"split rows",
                  dim3(static_cast<unsigned>((task.blocks + kWarps - 1) / kWarps), static_cast<unsigned>(rows.tiles)),
                  32 * kWarps};
  launch(type == QuantType::F16 ? split_kernel<HalfElement> : split_kernel<BfloatElement>, grid, context, task);
}

}  // namespace paceline::cuda

#pragma once
// Rotation, the K/V cache and softmax attention: the formulas are in device/device.h, shapes are checked there.
#include <bit>

#include "device/cuda/context.h"
#include "device/device.h"

namespace paceline::cuda {

// Attention cuts positions into splits at absolute multiples. Its grid has room for a power of two of them, so that a step and those that
// follow it are one graph for long; blocks behind a row's last split leave at once, and no bit depends on the room.
inline constexpr int kSplitPositions = 128;
constexpr int attention_splits(int end_position) {
  return static_cast<int>(std::bit_ceil(static_cast<unsigned>((end_position + kSplitPositions - 1) / kSplitPositions)));
}

void rotate(CudaContext& context, Tensor x, const Batch& batch, const RotaryShape& shape);
void store_kv(CudaContext& context, const Batch& batch, int layer, Tensor k, Tensor v);
void attention(CudaContext& context, Tensor out, Tensor q, const Batch& batch, int layer, const AttentionShape& shape);

}  // namespace paceline::cuda

#pragma once
// Rotation, the K/V cache and softmax attention: the formulas are in device/device.h, shapes are checked there.
#include "device/cuda/context.h"
#include "device/device.h"

namespace paceline::cuda {

void rotate(CudaContext& context, Tensor x, const Batch& batch, const RotaryShape& shape);
void store_kv(CudaContext& context, const Batch& batch, int layer, Tensor k, Tensor v);
void attention(CudaContext& context, Tensor out, Tensor q, const Batch& batch, int layer, const AttentionShape& shape);

}  // namespace paceline::cuda

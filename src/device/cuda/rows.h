#pragma once
// Operations that look at one row of each input and nothing else: the formulas are in device/device.h, the tensors are checked there.
#include <span>

#include "device/cuda/context.h"
#include "device/tensor.h"

namespace paceline::cuda {

void rms_norm(CudaContext& context, Tensor out, Tensor x, Tensor weight, float eps);
void gated_rms_norm(CudaContext& context, Tensor out, Tensor x, Tensor weight, Tensor z, float eps);
void swiglu(CudaContext& context, Tensor out, Tensor gate, Tensor up);
void sigmoid_gate(CudaContext& context, Tensor x, Tensor gate);
void add_shared_expert(CudaContext& context, Tensor out, Tensor shared, Tensor x, Tensor gate);
// rows is host memory, free again when this returns.
void gather_rows(CudaContext& context, Tensor out, Tensor in, std::span<const int> rows);

}  // namespace paceline::cuda

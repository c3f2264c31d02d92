#pragma once
// Rows of a table as floats.
#include "device/cuda/context.h"
#include "device/cuda/weights.h"
#include "device/tensor.h"

namespace paceline::cuda {

// out row i = row tokens[i] of the table, the file's values exactly. tokens: rows x 1, I32.
void embed(CudaContext& context, Tensor out, const CudaWeight& table, Tensor tokens);

}  // namespace paceline::cuda

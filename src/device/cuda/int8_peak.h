#pragma once
// What a benchmark holds the products against.
#include "device/cuda/context.h"

namespace paceline::cuda {

// How many int8 operations a second (a multiply-add counts two) the device reaches now in the instruction that the products use, on operands
// in registers, in 10^9. Takes some milliseconds, in which it waits for the device.
double int8_gop_s(CudaContext& context);

}  // namespace paceline::cuda

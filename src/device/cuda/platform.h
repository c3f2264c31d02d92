#pragma once
// The CUDA runtime as the files of this folder see it; they include this header and no other of CUDA's.
//
// A kernel file (.cu) is compiled in two ways: by nvcc for the hardware, and by the C++ compiler against an emulator of the execution model
// (tests/cuda_emulator), which is how its results are checked on machines without a GPU. What holds both ways:
//   - kernels are started by launch() (launch.h), never with <<<>>>, and begin with wait_for_previous_kernel(), but
//     for what they prefetch;
//   - a block's shared memory is one struct, or several of one, got with dynamic_shared…() (launch.h): the emulator poisons and guards it. There are no
//     __shared__ variables;
//   - instructions that C++ has no word for are functions of intrinsics.h;
//   - halves are uint16_t, converted by half_to_float() and float_to_half() of intrinsics.h;
//   - no fused multiply-add but where fmaf() is written (-fmad=false, -ffp-contract=off), no float atomics: docs/numerics.md.
#ifdef PACELINE_CUDA_EMULATED
#include <cuda_emulator/runtime.h>
#else
#include <cuda_runtime.h>
#endif

#include "base/error.h"

namespace paceline::cuda {

// Throws Error: "cuda: <what>: <the runtime's words for it>".
inline void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess) fail("cuda: ", what, ": ", cudaGetErrorString(status));
}

}  // namespace paceline::cuda

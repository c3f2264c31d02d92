#pragma once
// The products of one format: the kernel for few rows or the one for many, which give the same bits.
#include "device/cuda/multiply_few-inl.h"
#include "device/cuda/multiply_many-inl.h"

namespace paceline::cuda {

namespace {

template <class Format>
void launch_format(CudaContext& context, const char* name, const MultiplyTask& task) {
  if (task.run_count > 0) launch_many<Format>(context, name, task);
  else launch_few<Format>(context, name, task);
}

}  // namespace

}  // namespace paceline::cuda

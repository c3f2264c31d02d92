// The kernel table of the scalar set. Everything the kernels are made of is compiled inside this target region and this namespace, so
// no instruction beyond the set can leak into code that other CPUs run.
#include <algorithm>
#include <utility>

#include "device/cpu/dispatch.h"
#include "device/cpu/simd_macros.h"
#include "quant/f16.h"

namespace paceline::cpu::scalar {

// clang-format off
#include "device/cpu/simd_scalar.h"
#include "device/cpu/kernels-inl.h"
// clang-format on

}  // namespace paceline::cpu::scalar

namespace paceline::cpu {

Kernels scalar_kernels() { return scalar::make_kernels("scalar"); }

}  // namespace paceline::cpu

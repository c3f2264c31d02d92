// The kernel table of the avx2 set. Everything the kernels are made of is compiled inside this target region and this namespace, so
// no instruction beyond the set can leak into code that other CPUs run.
#include <immintrin.h>

#include <algorithm>
#include <utility>

#include "device/cpu/dispatch.h"
#include "device/cpu/simd_macros.h"
#include "quant/f16.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c")
#endif
namespace paceline::cpu::avx2 {

// clang-format off
#include "device/cpu/simd_avx2.h"
#include "device/cpu/dot_avx2.h"
#include "device/cpu/kernels-inl.h"
// clang-format on

}  // namespace paceline::cpu::avx2

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace paceline::cpu {

Kernels avx2_kernels() { return avx2::make_kernels("avx2"); }

}  // namespace paceline::cpu

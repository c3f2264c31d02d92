// The kernel table of the avx512 set. Everything the kernels are made of is compiled inside this target region and this namespace, so
// no instruction beyond the set can leak into code that other CPUs run.
#if !defined(__clang__)  // g++ 12 warns about its own _mm512_undefined_ps (bug 105593)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#include <algorithm>
#include <utility>

#include "device/cpu/dispatch.h"
#include "device/cpu/simd_macros.h"
#include "quant/f16.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,prefer-vector-width=512")
#endif
namespace paceline::cpu::avx512 {

// clang-format off
#include "device/cpu/simd_avx512.h"
#include "device/cpu/dot_vnni-inl.h"
#include "device/cpu/kernels-inl.h"
// clang-format on

}  // namespace paceline::cpu::avx512

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace paceline::cpu {

Kernels avx512_kernels() { return avx512::make_kernels("avx512"); }

}  // namespace paceline::cpu

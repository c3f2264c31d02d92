// The kernel table of the avx_vnni set: AVX2 with the dot products of AVX-512 in 256 bits (Intel Core from the 12th generation on). Everything
// the kernels are made of is compiled inside this target region and this namespace, so no instruction beyond the set can leak into code that
// other CPUs run.
#include <immintrin.h>

#include <algorithm>
#include <utility>

#include "device/cpu/dispatch.h"
#include "device/cpu/simd_macros.h"
#include "quant/f16.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avxvnni"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c,avxvnni")
#endif
namespace paceline::cpu::avx_vnni {

// clang-format off
#include "device/cpu/simd_avx2.h"
PACELINE_INLINE I dot_four(I sum, B codes, I four) { return _mm256_dpbusd_avx_epi32(sum, codes, four); }
#include "device/cpu/dot_vnni-inl.h"
#include "device/cpu/kernels-inl.h"
// clang-format on

}  // namespace paceline::cpu::avx_vnni

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace paceline::cpu {

Kernels avx_vnni_kernels() { return avx_vnni::make_kernels("avx_vnni"); }

}  // namespace paceline::cpu

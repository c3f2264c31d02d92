// The vector vocabulary on AVX-512 (F, BW, DQ, VL, VNNI): 16 lanes. Included inside a namespace and a target region by avx512.cpp; the same
// names exist in simd_avx2.h and simd_scalar.h, and the -inl.h kernels use nothing else. Reductions have a fixed order.
constexpr int kLanes = 16;
constexpr int kLargestTile = std::min(16, kLargestTileBuilt);  // rows of the widest kernel whose sums fit the registers
using F = __m512;  // 16 floats
using I = __m512i;  // 16 int32
using B = __m512i;  // 64 codes: 4 columns of 16 rows

PACELINE_INLINE __mmask16 first_lanes(int n) { return static_cast<__mmask16>((1u << n) - 1); }

PACELINE_INLINE F set1(float x) { return _mm512_set1_ps(x); }
PACELINE_INLINE float first_value(F a) { return _mm512_cvtss_f32(a); }
PACELINE_INLINE F zero() { return _mm512_setzero_ps(); }
PACELINE_INLINE F load(const float* p) { return _mm512_loadu_ps(p); }
PACELINE_INLINE F load_first(const float* p, int n) { return _mm512_maskz_loadu_ps(first_lanes(n), p); }
PACELINE_INLINE void store(float* p, F x) { _mm512_storeu_ps(p, x); }
PACELINE_INLINE void store_first(float* p, F x, int n) { _mm512_mask_storeu_ps(p, first_lanes(n), x); }
PACELINE_INLINE F load_strided(const float* p, int stride, int n) {
  const __m512i index = _mm512_mullo_epi32(_mm512_set1_epi32(stride),
                                           _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  return _mm512_mask_i32gather_ps(zero(), first_lanes(n), index, p, 4);
}

// 16 groups of four floats to four vectors: the first of each group, the second, ...
PACELINE_INLINE void load_transposed_four(const float* p, F (&out)[4]) {
  const F a = load(p), b = load(p + 16), c = load(p + 32), d = load(p + 48);
  __m512i index = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const F low = _mm512_permutex2var_ps(a, index, b), high = _mm512_permutex2var_ps(c, index, d);
    out[i] = _mm512_mask_blend_ps(0xFF00, low, high);
    index = _mm512_add_epi32(index, _mm512_set1_epi32(1));
  }
}

PACELINE_INLINE F add(F a, F b) { return _mm512_add_ps(a, b); }
PACELINE_INLINE F sub(F a, F b) { return _mm512_sub_ps(a, b); }
PACELINE_INLINE F mul(F a, F b) { return _mm512_mul_ps(a, b); }
PACELINE_INLINE F div(F a, F b) { return _mm512_div_ps(a, b); }
PACELINE_INLINE F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }  // a * b + c
PACELINE_INLINE F fnma(F a, F b, F c) { return _mm512_fnmadd_ps(a, b, c); }  // c - a * b
PACELINE_INLINE F largest(F a, F b) { return _mm512_max_ps(a, b); }  // b where one is NaN
PACELINE_INLINE F smallest(F a, F b) { return _mm512_min_ps(a, b); }  // b where one is NaN
PACELINE_INLINE F absolute(F a) { return _mm512_abs_ps(a); }
PACELINE_INLINE F round_even(F a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
// a in the first n lanes, b in the others
PACELINE_INLINE F blend_first(F a, F b, int n) { return _mm512_mask_blend_ps(first_lanes(n), b, a); }
PACELINE_INLINE float reduce_add(F a) {
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
  const __m128 quarter = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  const __m128 pair = _mm_add_ps(quarter, _mm_movehl_ps(quarter, quarter));
  return _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)));
}
PACELINE_INLINE float reduce_max(F a) { return _mm512_reduce_max_ps(a); }
// First lane where a == b, or kLanes.
PACELINE_INLINE int first_equal(F a, F b) {
  return __builtin_ctz(static_cast<unsigned>(_mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ)) | 1u << kLanes);
}

PACELINE_INLINE I to_int(F a) { return _mm512_cvtps_epi32(a); }
PACELINE_INLINE F to_float(I a) { return _mm512_cvtepi32_ps(a); }
PACELINE_INLINE I iset1(int32_t x) { return _mm512_set1_epi32(x); }
PACELINE_INLINE I iadd(I a, I b) { return _mm512_add_epi32(a, b); }
PACELINE_INLINE I isub(I a, I b) { return _mm512_sub_epi32(a, b); }
template <int kBits>
PACELINE_INLINE I ishift_left(I a) {
  return _mm512_slli_epi32(a, kBits);
}
template <int kBits>
PACELINE_INLINE I ishift_right(I a) {
  return _mm512_srai_epi32(a, kBits);
}
// a >= 0
PACELINE_INLINE I ishift_right_by(I a, int bits) { return _mm512_srl_epi32(a, _mm_cvtsi32_si128(bits)); }
PACELINE_INLINE F as_float(I a) { return _mm512_castsi512_ps(a); }
PACELINE_INLINE int32_t reduce_iadd(I a) { return _mm512_reduce_add_epi32(a); }
// 16 int32 in [-128, 127] to bytes
PACELINE_INLINE void store_i8(int8_t* p, I a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(a));
}

// kLanes narrow values as floats
PACELINE_INLINE F load_f32(const void* p) { return load(static_cast<const float*>(p)); }
PACELINE_INLINE F set1_f16(const void* p) {
  uint16_t half;
  __builtin_memcpy(&half, p, 2);
  return set1(_cvtsh_ss(half));
}
PACELINE_INLINE F load_f16(const void* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
}
PACELINE_INLINE F load_bf16(const void* p) {
  return _mm512_castsi512_ps(
      _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(p))), 16));
}
PACELINE_INLINE I load_u8(const void* p) {
  return _mm512_cvtepu8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}
PACELINE_INLINE I load_i8(const void* p) {
  return _mm512_cvtepi8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}
PACELINE_INLINE I iand(I a, I b) { return _mm512_and_si512(a, b); }

// Codes
PACELINE_INLINE B load_codes(const void* p) { return _mm512_loadu_si512(p); }
PACELINE_INLINE void store_codes(void* p, B a) { _mm512_storeu_si512(p, a); }
PACELINE_INLINE B set1_codes(int x) { return _mm512_set1_epi8(static_cast<char>(x)); }
PACELINE_INLINE B and_codes(B a, B b) { return _mm512_and_si512(a, b); }
// a | (b & mask)
PACELINE_INLINE B merge_codes(B a, B b, B mask) { return _mm512_ternarylogic_epi64(a, b, mask, 0xF8); }
// Bits move left (positive) or right; those that cross into another byte are the caller's to mask.
template <int kBits>
PACELINE_INLINE B shift_codes(B a) {
  if constexpr (kBits > 0) return _mm512_slli_epi16(a, kBits);
  else if constexpr (kBits < 0) return _mm512_srli_epi16(a, -kBits);
  else return a;
}
PACELINE_INLINE B load_table(const void* p) {
  return _mm512_broadcast_i32x4(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}
PACELINE_INLINE B lookup_codes(B table, B index) { return _mm512_shuffle_epi8(table, index); }

PACELINE_INLINE I broadcast_four(const int8_t* p) {
  int32_t four;
  __builtin_memcpy(&four, p, 4);
  return _mm512_set1_epi32(four);
}

// sum + per lane four products of codes and activations, exactly.
PACELINE_INLINE I dot_four(I sum, B codes, I four) { return _mm512_dpbusd_epi32(sum, codes, four); }

PACELINE_INLINE void store_f16(void* p, F a) {
  _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
PACELINE_INLINE void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }
// To the second-level cache.
PACELINE_INLINE void prefetch_far(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T1); }

// The vector vocabulary on AVX2 (with FMA and F16C): 8 lanes. See simd_avx512.h. Dot products of codes come after it:
// dot_avx2.h, or dot_vnni-inl.h where the CPU has AVX-VNNI.
constexpr int kLanes = 8;
constexpr int kLargestTile = std::min(8, kLargestTileBuilt);  // rows of the widest kernel whose sums fit the registers
using F = __m256;
using I = __m256i;
using B = __m256i;  // 32 codes: 4 columns of 8 rows

PACELINE_INLINE __m256i first_lanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

PACELINE_INLINE F set1(float x) { return _mm256_set1_ps(x); }
PACELINE_INLINE float first_value(F a) { return _mm256_cvtss_f32(a); }
PACELINE_INLINE F zero() { return _mm256_setzero_ps(); }
PACELINE_INLINE F load(const float* p) { return _mm256_loadu_ps(p); }
PACELINE_INLINE F load_first(const float* p, int n) { return _mm256_maskload_ps(p, first_lanes(n)); }
PACELINE_INLINE void store(float* p, F x) { _mm256_storeu_ps(p, x); }
PACELINE_INLINE void store_first(float* p, F x, int n) { _mm256_maskstore_ps(p, first_lanes(n), x); }
PACELINE_INLINE F load_strided(const float* p, int stride, int n) {
  const __m256i index = _mm256_mullo_epi32(_mm256_set1_epi32(stride), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  return _mm256_mask_i32gather_ps(zero(), p, index, _mm256_castsi256_ps(first_lanes(n)), 4);
}

PACELINE_INLINE void load_transposed_four(const float* p, F (&out)[4]) {
  F groups[4];  // group i, and group i + 4 in the upper half
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i)
    groups[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p + 4 * i)), _mm_loadu_ps(p + 16 + 4 * i), 1);
  const F low = _mm256_unpacklo_ps(groups[0], groups[1]), more_low = _mm256_unpacklo_ps(groups[2], groups[3]);
  const F high = _mm256_unpackhi_ps(groups[0], groups[1]), more_high = _mm256_unpackhi_ps(groups[2], groups[3]);
  out[0] = _mm256_shuffle_ps(low, more_low, 0x44);
  out[1] = _mm256_shuffle_ps(low, more_low, 0xEE);
  out[2] = _mm256_shuffle_ps(high, more_high, 0x44);
  out[3] = _mm256_shuffle_ps(high, more_high, 0xEE);
}

PACELINE_INLINE F add(F a, F b) { return _mm256_add_ps(a, b); }
PACELINE_INLINE F sub(F a, F b) { return _mm256_sub_ps(a, b); }
PACELINE_INLINE F mul(F a, F b) { return _mm256_mul_ps(a, b); }
PACELINE_INLINE F div(F a, F b) { return _mm256_div_ps(a, b); }
PACELINE_INLINE F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
PACELINE_INLINE F fnma(F a, F b, F c) { return _mm256_fnmadd_ps(a, b, c); }
PACELINE_INLINE F largest(F a, F b) { return _mm256_max_ps(a, b); }
PACELINE_INLINE F smallest(F a, F b) { return _mm256_min_ps(a, b); }
PACELINE_INLINE F absolute(F a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
PACELINE_INLINE F round_even(F a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
PACELINE_INLINE F blend_first(F a, F b, int n) { return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(first_lanes(n))); }
PACELINE_INLINE float reduce_add(F a) {
  const __m128 quarter = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 pair = _mm_add_ps(quarter, _mm_movehl_ps(quarter, quarter));
  return _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)));
}
PACELINE_INLINE float reduce_max(F a) {
  const __m128 quarter = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 pair = _mm_max_ps(quarter, _mm_movehl_ps(quarter, quarter));
  return _mm_cvtss_f32(_mm_max_ss(pair, _mm_movehdup_ps(pair)));
}
PACELINE_INLINE int first_equal(F a, F b) {
  return __builtin_ctz(static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_EQ_OQ))) | 1u << kLanes);
}

PACELINE_INLINE I to_int(F a) { return _mm256_cvtps_epi32(a); }
PACELINE_INLINE F to_float(I a) { return _mm256_cvtepi32_ps(a); }
PACELINE_INLINE I iset1(int32_t x) { return _mm256_set1_epi32(x); }
PACELINE_INLINE I iadd(I a, I b) { return _mm256_add_epi32(a, b); }
PACELINE_INLINE I isub(I a, I b) { return _mm256_sub_epi32(a, b); }
template <int kBits>
PACELINE_INLINE I ishift_left(I a) {
  return _mm256_slli_epi32(a, kBits);
}
template <int kBits>
PACELINE_INLINE I ishift_right(I a) {
  return _mm256_srai_epi32(a, kBits);
}
// a >= 0
PACELINE_INLINE I ishift_right_by(I a, int bits) { return _mm256_srl_epi32(a, _mm_cvtsi32_si128(bits)); }
PACELINE_INLINE F as_float(I a) { return _mm256_castsi256_ps(a); }
PACELINE_INLINE int32_t reduce_iadd(I a) {
  const __m128i quarter = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  const __m128i pair = _mm_add_epi32(quarter, _mm_shuffle_epi32(quarter, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(pair, _mm_shuffle_epi32(pair, 0xB1)));
}
PACELINE_INLINE void store_i8(int8_t* p, I a) {
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(words, words));
}

PACELINE_INLINE F load_f32(const void* p) { return load(static_cast<const float*>(p)); }
PACELINE_INLINE F set1_f16(const void* p) {
  uint16_t half;
  __builtin_memcpy(&half, p, 2);
  return set1(_cvtsh_ss(half));
}
PACELINE_INLINE F load_f16(const void* p) { return _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(p))); }
PACELINE_INLINE F load_bf16(const void* p) {
  return _mm256_castsi256_ps(
      _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p))), 16));
}
PACELINE_INLINE I load_u8(const void* p) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(static_cast<const __m128i*>(p)));
}
PACELINE_INLINE I load_i8(const void* p) {
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64(static_cast<const __m128i*>(p)));
}
PACELINE_INLINE I iand(I a, I b) { return _mm256_and_si256(a, b); }

PACELINE_INLINE B load_codes(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
PACELINE_INLINE void store_codes(void* p, B a) { _mm256_storeu_si256(static_cast<__m256i*>(p), a); }
PACELINE_INLINE B set1_codes(int x) { return _mm256_set1_epi8(static_cast<char>(x)); }
PACELINE_INLINE B and_codes(B a, B b) { return _mm256_and_si256(a, b); }
PACELINE_INLINE B merge_codes(B a, B b, B mask) { return _mm256_or_si256(a, _mm256_and_si256(b, mask)); }
template <int kBits>
PACELINE_INLINE B shift_codes(B a) {
  if constexpr (kBits > 0) return _mm256_slli_epi16(a, kBits);
  else if constexpr (kBits < 0) return _mm256_srli_epi16(a, -kBits);
  else return a;
}
PACELINE_INLINE B load_table(const void* p) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}
PACELINE_INLINE B lookup_codes(B table, B index) { return _mm256_shuffle_epi8(table, index); }

PACELINE_INLINE I broadcast_four(const int8_t* p) {
  int32_t four;
  __builtin_memcpy(&four, p, 4);
  return _mm256_set1_epi32(four);
}

PACELINE_INLINE void store_f16(void* p, F a) {
  _mm_storeu_si128(static_cast<__m128i*>(p), _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
PACELINE_INLINE void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }
// To the second-level cache.
PACELINE_INLINE void prefetch_far(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T1); }

// Dot products of codes on AVX2. It has no exact u8 x i8 product: maddubs adds pairs in 16 saturating bits, so codes above 63 are made
// signed (|w| * sign(w) a: at most 2 * 128 * 127 = 32512) and smaller ones are added up in 16 bits only as often as cannot overflow.

template <int kMaxCode>
PACELINE_INLINE B prepare_codes(B a) {
  if constexpr (kMaxCode > 63) return _mm256_xor_si256(a, _mm256_set1_epi8(-128));
  else return a;
}

template <int kVectors, int kOffset, int kMaxCode>
PACELINE_INLINE I dot_codes(const B* codes, const int8_t* activations, int32_t offset_sum) {
  static_assert(kMaxCode <= 63 || kOffset == 128);
  constexpr int kFits = kMaxCode > 63 ? 1 : 32767 / (kMaxCode * 2 * 127);  // maddubs results that add up in 16 bits
  const __m256i ones = _mm256_set1_epi16(1);
  I sum = _mm256_setzero_si256();
  if constexpr (kMaxCode <= 63 && kOffset > 0) {
    constexpr int kShift = offset_shift(kVectors, kOffset);
    sum = _mm256_set1_epi32(offset_sum);
    if constexpr (kShift > 0) sum = _mm256_srai_epi32(sum, kShift);
  }
  for (int j = 0; j < kVectors; j += kFits) {
    __m256i words = _mm256_setzero_si256();
    for (int i = j; i < j + kFits && i < kVectors; ++i) {
      const I four = broadcast_four(activations + 4 * i);
      if constexpr (kMaxCode > 63)
        words = _mm256_maddubs_epi16(_mm256_abs_epi8(codes[i]), _mm256_sign_epi8(four, codes[i]));
      else words = _mm256_add_epi16(words, _mm256_maddubs_epi16(codes[i], four));
    }
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(words, ones));
  }
  return sum;
}

// Dot products of codes where an instruction adds four products of u8 and i8 to 32 bits (dot_four). Included after the vocabulary.

// What dot_codes wants codes of up to kMaxCode as.
template <int kMaxCode>
PACELINE_INLINE B prepare_codes(B a) {
  return a;
}

// Per lane: sum over 4 * kVectors columns of (code - kOffset) * activation, exactly. offset_sum is that of the activations.
template <int kVectors, int kOffset, int kMaxCode>
PACELINE_INLINE I dot_codes(const B* codes, const int8_t* activations, int32_t offset_sum) {
  I even = iset1(0), odd = iset1(0);
  if constexpr (kOffset > 0) {
    constexpr int kShift = offset_shift(kVectors, kOffset);
    even = iset1(offset_sum);
    if constexpr (kShift > 0) even = ishift_right<kShift>(even);
  }
#pragma GCC unroll 8
  for (int j = 0; j < kVectors; j += 2) {
    even = dot_four(even, codes[j], broadcast_four(activations + 4 * j));
    odd = dot_four(odd, codes[j + 1], broadcast_four(activations + 4 * j + 4));
  }
  return iadd(even, odd);
}

// The vector vocabulary without instruction sets: 4 lanes of the compiler's portable vectors, for CPUs without AVX2, and the plainest
// statement of what each word means. There is no fused multiply-add here (libm's emulation is far too slow), so fma rounds twice;
// results differ from the other sets in last bits.
constexpr int kLanes = 4;
constexpr int kLargestTile = std::min(2, kLargestTileBuilt);  // rows of the widest kernel whose sums fit the registers
typedef float F __attribute__((vector_size(16)));
typedef int32_t I __attribute__((vector_size(16)));
typedef uint8_t B __attribute__((vector_size(16)));  // 4 columns of 4 rows

PACELINE_INLINE I lane_numbers() { return I{0, 1, 2, 3}; }
PACELINE_INLINE I iset1(int32_t x) { return I{x, x, x, x}; }
PACELINE_INLINE F set1(float x) { return F{x, x, x, x}; }
PACELINE_INLINE float first_value(F a) { return a[0]; }
PACELINE_INLINE F zero() { return set1(0); }
template <class Vector>
PACELINE_INLINE Vector load_as(const void* p) {
  Vector out;
  __builtin_memcpy(&out, p, sizeof out);
  return out;
}
PACELINE_INLINE F load(const float* p) { return load_as<F>(p); }
PACELINE_INLINE void store(float* p, F x) { __builtin_memcpy(p, &x, sizeof x); }
PACELINE_INLINE F load_strided(const float* p, int stride, int n) {
  F out = zero();
  for (int i = 0; i < kLanes; ++i)
    if (i < n) out[i] = p[i * stride];
  return out;
}
PACELINE_INLINE F load_first(const float* p, int n) { return load_strided(p, 1, n); }
PACELINE_INLINE void store_first(float* p, F x, int n) {
  for (int i = 0; i < kLanes; ++i)
    if (i < n) p[i] = x[i];
}
PACELINE_INLINE void load_transposed_four(const float* p, F (&out)[4]) {
  for (int i = 0; i < 4; ++i) out[i] = load_strided(p + i, 4, kLanes);
}

PACELINE_INLINE F add(F a, F b) { return a + b; }
PACELINE_INLINE F sub(F a, F b) { return a - b; }
PACELINE_INLINE F mul(F a, F b) { return a * b; }
PACELINE_INLINE F div(F a, F b) { return a / b; }
PACELINE_INLINE F fma(F a, F b, F c) { return a * b + c; }
PACELINE_INLINE F fnma(F a, F b, F c) { return c - a * b; }
PACELINE_INLINE F largest(F a, F b) { return a > b ? a : b; }
PACELINE_INLINE F smallest(F a, F b) { return a < b ? a : b; }
PACELINE_INLINE F as_float(I a) { return load_as<F>(&a); }
PACELINE_INLINE F absolute(F a) { return as_float(load_as<I>(&a) & iset1(0x7fffffff)); }
// Exact for |a| < 2^22, which is what callers have: adding and subtracting 1.5 * 2^23 rounds to even.
PACELINE_INLINE F round_even(F a) { return (a + set1(12582912.0f)) - set1(12582912.0f); }
PACELINE_INLINE F blend_first(F a, F b, int n) { return lane_numbers() < iset1(n) ? a : b; }
PACELINE_INLINE float reduce_add(F a) { return (a[0] + a[2]) + (a[1] + a[3]); }
PACELINE_INLINE float reduce_max(F a) {
  float best = a[0];
  for (int i = 1; i < kLanes; ++i) best = a[i] > best ? a[i] : best;
  return best;
}
PACELINE_INLINE int first_equal(F a, F b) {
  int lane = 0;
  while (lane < kLanes && !(a[lane] == b[lane])) ++lane;
  return lane;
}

// To nearest, ties to even; |a| < 2^22 as for round_even.
PACELINE_INLINE I to_int(F a) { return __builtin_convertvector(round_even(a), I); }
PACELINE_INLINE F to_float(I a) { return __builtin_convertvector(a, F); }
PACELINE_INLINE I iadd(I a, I b) { return a + b; }
PACELINE_INLINE I isub(I a, I b) { return a - b; }
PACELINE_INLINE I iand(I a, I b) { return a & b; }
template <int kBits>
PACELINE_INLINE I ishift_left(I a) {
  return a << kBits;
}
template <int kBits>
PACELINE_INLINE I ishift_right(I a) {
  return a >> kBits;
}
// a >= 0
PACELINE_INLINE I ishift_right_by(I a, int bits) { return a >> bits; }
PACELINE_INLINE int32_t reduce_iadd(I a) { return a[0] + a[1] + a[2] + a[3]; }
PACELINE_INLINE void store_i8(int8_t* p, I a) {
  for (int i = 0; i < kLanes; ++i) p[i] = static_cast<int8_t>(a[i]);
}

PACELINE_INLINE F load_f32(const void* p) { return load_as<F>(p); }
PACELINE_INLINE F set1_f16(const void* p) {
  uint16_t half;
  __builtin_memcpy(&half, p, 2);
  return set1(half_to_float(half));
}
template <class Element>
PACELINE_INLINE Element element(const void* p, int i) {
  Element out;
  __builtin_memcpy(&out, static_cast<const std::byte*>(p) + static_cast<size_t>(i) * sizeof out, sizeof out);
  return out;
}
PACELINE_INLINE F load_f16(const void* p) {
  return F{half_to_float(element<uint16_t>(p, 0)), half_to_float(element<uint16_t>(p, 1)),
           half_to_float(element<uint16_t>(p, 2)), half_to_float(element<uint16_t>(p, 3))};
}
PACELINE_INLINE F load_bf16(const void* p) {
  return F{bfloat16_to_float(element<uint16_t>(p, 0)), bfloat16_to_float(element<uint16_t>(p, 1)),
           bfloat16_to_float(element<uint16_t>(p, 2)), bfloat16_to_float(element<uint16_t>(p, 3))};
}
PACELINE_INLINE I load_u8(const void* p) {
  return I{element<uint8_t>(p, 0), element<uint8_t>(p, 1), element<uint8_t>(p, 2), element<uint8_t>(p, 3)};
}
PACELINE_INLINE I load_i8(const void* p) {
  return I{element<int8_t>(p, 0), element<int8_t>(p, 1), element<int8_t>(p, 2), element<int8_t>(p, 3)};
}

PACELINE_INLINE B load_codes(const void* p) { return load_as<B>(p); }
PACELINE_INLINE void store_codes(void* p, B a) { __builtin_memcpy(p, &a, sizeof a); }
PACELINE_INLINE B set1_codes(int x) {
  B out;
  __builtin_memset(&out, x, sizeof out);
  return out;
}
PACELINE_INLINE B and_codes(B a, B b) { return a & b; }
PACELINE_INLINE B merge_codes(B a, B b, B mask) { return a | (b & mask); }
template <int kBits>
PACELINE_INLINE B shift_codes(B a) {
  if constexpr (kBits > 0) return a << kBits;
  else return a >> -kBits;
}
PACELINE_INLINE B load_table(const void* p) { return load_codes(p); }
PACELINE_INLINE B lookup_codes(B table, B index) {
  B out;
  for (int i = 0; i < 16; ++i) out[i] = table[index[i]];
  return out;
}

template <int kMaxCode>
PACELINE_INLINE B prepare_codes(B a) {
  return a;
}

template <int kVectors, int kOffset, int kMaxCode>
PACELINE_INLINE I dot_codes(const B* codes, const int8_t* activations, int32_t offset_sum) {
  typedef int16_t Words __attribute__((vector_size(32)));
  typedef int32_t Sums __attribute__((vector_size(64)));
  Sums sums = {};
  for (int j = 0; j < kVectors; ++j) {
    const int16_t a = activations[4 * j], b = activations[4 * j + 1], c = activations[4 * j + 2],
                  d = activations[4 * j + 3];
    const Words four = {a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d};
    sums += __builtin_convertvector(__builtin_convertvector(codes[j], Words) * four, Sums);  // at most 255 * 127
  }
  I out = iset1(kOffset == 0 ? 0 : offset_sum >> offset_shift(kVectors, kOffset));
  for (int lane = 0; lane < kLanes; ++lane)
    out[lane] += sums[4 * lane] + sums[4 * lane + 1] + sums[4 * lane + 2] + sums[4 * lane + 3];
  return out;
}

PACELINE_INLINE void store_f16(void* p, F a) {
  uint16_t halves[kLanes];
  for (int i = 0; i < kLanes; ++i) halves[i] = float_to_half(a[i]);
  __builtin_memcpy(p, halves, sizeof halves);
}
PACELINE_INLINE void prefetch(const void* p) { __builtin_prefetch(p); }
// To the second-level cache.
PACELINE_INLINE void prefetch_far(const void* p) { __builtin_prefetch(p, 0, 2); }

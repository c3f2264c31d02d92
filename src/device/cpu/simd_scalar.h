// The vector vocabulary in plain C++, 4 lanes: for CPUs without AVX2, and the plainest statement of what each word means. There is no fused
// multiply-add here (libm's emulation is far too slow), so fma rounds twice; results differ from the other sets in last bits.
constexpr int kLanes = 4;
constexpr int kLargestTile = 2;  // rows of the widest kernel whose sums fit the registers
struct F {
  float v[kLanes];
};
struct I {
  int32_t v[kLanes];
};
struct B {  // 4 columns of 4 rows
  uint8_t v[4 * kLanes];
};

template <class Vector, class Function>
PACELINE_INLINE Vector each(Function function) {
  Vector out;
  for (int i = 0; i < static_cast<int>(sizeof out.v / sizeof out.v[0]); ++i) out.v[i] = function(i);
  return out;
}

PACELINE_INLINE F set1(float x) {
  return each<F>([&](int) { return x; });
}
PACELINE_INLINE float first_value(F a) { return a.v[0]; }
PACELINE_INLINE F zero() { return set1(0); }
PACELINE_INLINE F load(const float* p) {
  return each<F>([&](int i) { return p[i]; });
}
PACELINE_INLINE F load_first(const float* p, int n) {
  return each<F>([&](int i) { return i < n ? p[i] : 0.0f; });
}
PACELINE_INLINE void store(float* p, F x) { __builtin_memcpy(p, x.v, sizeof x.v); }
PACELINE_INLINE void store_first(float* p, F x, int n) {
  for (int i = 0; i < kLanes; ++i)
    if (i < n) p[i] = x.v[i];
}
PACELINE_INLINE F load_strided(const float* p, int stride, int n) {
  return each<F>([&](int i) { return i < n ? p[i * stride] : 0.0f; });
}

PACELINE_INLINE void load_transposed_four(const float* p, F (&out)[4]) {
  for (int i = 0; i < 4; ++i) out[i] = load_strided(p + i, 4, kLanes);
}

PACELINE_INLINE F add(F a, F b) {
  return each<F>([&](int i) { return a.v[i] + b.v[i]; });
}
PACELINE_INLINE F sub(F a, F b) {
  return each<F>([&](int i) { return a.v[i] - b.v[i]; });
}
PACELINE_INLINE F mul(F a, F b) {
  return each<F>([&](int i) { return a.v[i] * b.v[i]; });
}
PACELINE_INLINE F div(F a, F b) {
  return each<F>([&](int i) { return a.v[i] / b.v[i]; });
}
PACELINE_INLINE F fma(F a, F b, F c) { return add(mul(a, b), c); }
PACELINE_INLINE F fnma(F a, F b, F c) { return sub(c, mul(a, b)); }
PACELINE_INLINE F largest(F a, F b) {
  return each<F>([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
PACELINE_INLINE F smallest(F a, F b) {
  return each<F>([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
}
PACELINE_INLINE F absolute(F a) {
  return each<F>([&](int i) { return __builtin_fabsf(a.v[i]); });
}
// Exact for |a| < 2^22, which is what callers have: adding and subtracting 1.5 * 2^23 rounds to even.
PACELINE_INLINE F round_even(F a) { return sub(add(a, set1(12582912.0f)), set1(12582912.0f)); }
PACELINE_INLINE F blend_first(F a, F b, int n) {
  return each<F>([&](int i) { return i < n ? a.v[i] : b.v[i]; });
}
PACELINE_INLINE float reduce_add(F a) { return (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]); }
PACELINE_INLINE float reduce_max(F a) {
  float best = a.v[0];
  for (int i = 1; i < kLanes; ++i) best = a.v[i] > best ? a.v[i] : best;
  return best;
}
PACELINE_INLINE int first_equal(F a, F b) {
  int lane = 0;
  while (lane < kLanes && !(a.v[lane] == b.v[lane])) ++lane;
  return lane;
}

// To nearest, ties to even; |a| < 2^22 as for round_even.
PACELINE_INLINE I to_int(F a) {
  const F whole = round_even(a);
  return each<I>([&](int i) { return static_cast<int32_t>(whole.v[i]); });
}
PACELINE_INLINE F to_float(I a) {
  return each<F>([&](int i) { return static_cast<float>(a.v[i]); });
}
PACELINE_INLINE I iset1(int32_t x) {
  return each<I>([&](int) { return x; });
}
PACELINE_INLINE I iadd(I a, I b) {
  return each<I>([&](int i) { return a.v[i] + b.v[i]; });
}
PACELINE_INLINE I isub(I a, I b) {
  return each<I>([&](int i) { return a.v[i] - b.v[i]; });
}
template <int kBits>
PACELINE_INLINE I ishift_left(I a) {
  return each<I>([&](int i) { return static_cast<int32_t>(static_cast<uint32_t>(a.v[i]) << kBits); });
}
template <int kBits>
PACELINE_INLINE I ishift_right(I a) {
  return each<I>([&](int i) { return a.v[i] >> kBits; });
}
// a >= 0
PACELINE_INLINE I ishift_right_by(I a, int bits) {
  return each<I>([&](int i) { return a.v[i] >> bits; });
}
PACELINE_INLINE F as_float(I a) {
  F out;
  __builtin_memcpy(out.v, a.v, sizeof out.v);
  return out;
}
PACELINE_INLINE int32_t reduce_iadd(I a) { return a.v[0] + a.v[1] + a.v[2] + a.v[3]; }
PACELINE_INLINE void store_i8(int8_t* p, I a) {
  for (int i = 0; i < kLanes; ++i) p[i] = static_cast<int8_t>(a.v[i]);
}

PACELINE_INLINE F load_f32(const void* p) { return load(static_cast<const float*>(p)); }
PACELINE_INLINE F set1_f16(const void* p) {
  uint16_t half;
  __builtin_memcpy(&half, p, 2);
  return set1(half_to_float(half));
}
PACELINE_INLINE F load_f16(const void* p) {
  uint16_t halves[kLanes];
  __builtin_memcpy(halves, p, sizeof halves);
  return each<F>([&](int i) { return half_to_float(halves[i]); });
}
PACELINE_INLINE F load_bf16(const void* p) {
  uint16_t values[kLanes];
  __builtin_memcpy(values, p, sizeof values);
  return each<F>([&](int i) { return bfloat16_to_float(values[i]); });
}
PACELINE_INLINE I load_u8(const void* p) {
  return each<I>([&](int i) { return int32_t{static_cast<const uint8_t*>(p)[i]}; });
}
PACELINE_INLINE I load_i8(const void* p) {
  return each<I>([&](int i) { return int32_t{static_cast<const int8_t*>(p)[i]}; });
}
PACELINE_INLINE I iand(I a, I b) {
  return each<I>([&](int i) { return a.v[i] & b.v[i]; });
}

PACELINE_INLINE B load_codes(const void* p) {
  B out;
  __builtin_memcpy(out.v, p, sizeof out.v);
  return out;
}
PACELINE_INLINE B set1_codes(int x) {
  return each<B>([&](int) { return static_cast<uint8_t>(x); });
}
PACELINE_INLINE B and_codes(B a, B b) {
  return each<B>([&](int i) { return static_cast<uint8_t>(a.v[i] & b.v[i]); });
}
PACELINE_INLINE B merge_codes(B a, B b, B mask) {
  return each<B>([&](int i) { return static_cast<uint8_t>(a.v[i] | (b.v[i] & mask.v[i])); });
}
template <int kBits>
PACELINE_INLINE B shift_codes(B a) {
  if constexpr (kBits > 0) return each<B>([&](int i) { return static_cast<uint8_t>(a.v[i] << kBits); });
  else return each<B>([&](int i) { return static_cast<uint8_t>(a.v[i] >> -kBits); });
}
PACELINE_INLINE B load_table(const void* p) { return load_codes(p); }
PACELINE_INLINE B lookup_codes(B table, B index) {
  return each<B>([&](int i) { return table.v[index.v[i]]; });
}

template <int kMaxCode>
PACELINE_INLINE B prepare_codes(B a) {
  return a;
}

template <int kVectors, int kOffset, int kMaxCode>
PACELINE_INLINE I dot_codes(const B* codes, const int8_t* activations, int32_t negative_sum) {
  I sum = iset1(negative_sum * kOffset);
  for (int j = 0; j < kVectors; ++j)
    for (int lane = 0; lane < kLanes; ++lane)
      for (int c = 0; c < 4; ++c) sum.v[lane] += codes[j].v[lane * 4 + c] * activations[4 * j + c];
  return sum;
}

PACELINE_INLINE void store_f16(void* p, F a) {
  uint16_t halves[kLanes];
  for (int i = 0; i < kLanes; ++i) halves[i] = float_to_half(a.v[i]);
  __builtin_memcpy(p, halves, sizeof halves);
}
PACELINE_INLINE void prefetch(const void* p) { __builtin_prefetch(p); }

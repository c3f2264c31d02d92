// exp and what is built from it, the same polynomial in every lane, vector tails included (masked lanes), so that a value does not depend
// on where in a row it stands. Relative error of exp below 2e-7.

// exp(x): x = n ln 2 + r, |r| <= ln 2 / 2, polynomial in r (Cephes expf), times 2^n in two steps so that results reach from the
// smallest denormal to infinity. NaN stays NaN.
PACELINE_INLINE F exponential(F x) {
  x = smallest(set1(89.0f), largest(set1(-104.0f), x));
  const F n = round_even(mul(x, set1(1.44269504088896341f)));
  F r = fnma(n, set1(0.693359375f), x);
  r = fnma(n, set1(-2.12194440e-4f), r);
  F p = set1(1.9875691500e-4f);
  p = fma(p, r, set1(1.3981999507e-3f));
  p = fma(p, r, set1(8.3334519073e-3f));
  p = fma(p, r, set1(4.1665795894e-2f));
  p = fma(p, r, set1(1.6666665459e-1f));
  p = fma(p, r, set1(5.0000001201e-1f));
  p = add(fma(p, mul(r, r), r), set1(1.0f));
  const I whole = to_int(n), half = ishift_right<1>(whole), rest = isub(whole, half);
  const F low = as_float(ishift_left<23>(iadd(half, iset1(127)))),
          high = as_float(ishift_left<23>(iadd(rest, iset1(127))));
  return mul(mul(p, low), high);
}

PACELINE_INLINE F logistic(F x) { return div(set1(1.0f), add(set1(1.0f), exponential(sub(zero(), x)))); }
PACELINE_INLINE F silu(F x) { return div(x, add(set1(1.0f), exponential(sub(zero(), x)))); }

// Sum over lanes of function(vector index, values in it) with a fixed order: four running vectors, then their tree.
template <class Function>
PACELINE_INLINE float sum_over(int count, Function term) {
  F sums[4] = {zero(), zero(), zero(), zero()};
  int i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes)
    for (int j = 0; j < 4; ++j) sums[j] = term(i + j * kLanes, kLanes, sums[j]);
  for (int j = 0; i < count; ++j, i += kLanes) sums[j] = term(i, count - i < kLanes ? count - i : kLanes, sums[j]);
  return reduce_add(add(add(sums[0], sums[1]), add(sums[2], sums[3])));
}

// function(first index, lanes in use) for all of count
template <class Function>
PACELINE_INLINE void for_vectors(int count, Function function) {
  int i = 0;
  for (; i + kLanes <= count; i += kLanes) function(i, kLanes);
  if (i < count) function(i, count - i);
}

PACELINE_INLINE F load_any(const float* p, int n) { return n == kLanes ? load(p) : load_first(p, n); }
PACELINE_INLINE void store_any(float* p, F x, int n) {
  if (n == kLanes) store(p, x);
  else store_first(p, x, n);
}

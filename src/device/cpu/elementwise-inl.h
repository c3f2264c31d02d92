// Norms, gates, rotation, quantization of activations, argmax: one row (or a piece of one) at a time.

namespace {

float sum_of_squares(const float* x, int count) {
  return sum_over(count, [&](int i, int n, F sum) {
    const F v = load_any(x + i, n);
    return fma(v, v, sum);
  });
}

float inverse_rms(const float* x, int count, float eps) {
  return 1.0f / __builtin_sqrtf(sum_of_squares(x, count) / static_cast<float>(count) + eps);
}

void rms_norm(float* out, const float* x, const float* weight, int count, float eps) {
  const F scale = set1(inverse_rms(x, count, eps));
  for_vectors(count, [&](int i, int n) {
    store_any(out + i, mul(mul(load_any(x + i, n), scale), load_any(weight + i, n)), n);
  });
}

void gated_rms_norm(float* out, const float* x, const float* weight, const float* z, int count, float eps) {
  const F scale = set1(inverse_rms(x, count, eps));
  for_vectors(count, [&](int i, int n) {
    const F normed = mul(mul(load_any(x + i, n), scale), load_any(weight + i, n));
    store_any(out + i, mul(normed, silu(load_any(z + i, n))), n);
  });
}

// x / max(|x|, eps)
void l2_norm(float* out, const float* x, int count, float eps) {
  const float norm = __builtin_sqrtf(sum_of_squares(x, count));
  const F scale = set1(1.0f / (norm > eps ? norm : eps));
  for_vectors(count, [&](int i, int n) { store_any(out + i, mul(load_any(x + i, n), scale), n); });
}

void swiglu(float* out, const float* gate, const float* up, int count) {
  for_vectors(count,
              [&](int i, int n) { store_any(out + i, mul(silu(load_any(gate + i, n)), load_any(up + i, n)), n); });
}

void sigmoid_gate(float* x, const float* gate, int count) {
  for_vectors(count,
              [&](int i, int n) { store_any(x + i, mul(load_any(x + i, n), logistic(load_any(gate + i, n))), n); });
}

void add_scaled(float* out, const float* x, float factor, int count) {
  const F by = set1(factor);
  for_vectors(count, [&](int i, int n) { store_any(out + i, fma(by, load_any(x + i, n), load_any(out + i, n)), n); });
}

void add_combination(float* out, const float* const* x, const float* factors, int terms, int count) {
  for_vectors(count, [&](int i, int n) {
    F sum = zero();
    for (int t = 0; t < terms; ++t) sum = fma(set1(factors[t]), load_any(x[t] + i, n), sum);
    store_any(out + i, add(load_any(out + i, n), sum), n);
  });
}

float dot(const float* x, const float* y, int count) {
  return sum_over(count, [&](int i, int n, F sum) { return fma(load_any(x + i, n), load_any(y + i, n), sum); });
}

float largest_of(const float* x, int count) {
  F best = set1(-__builtin_inff());
  for_vectors(count, [&](int i, int n) { best = largest(blend_first(load_any(x + i, n), best, n), best); });
  return reduce_max(best);
}

float exponentials(float* out, const float* x, int count) {
  const F shift = set1(largest_of(x, count));
  for_vectors(count, [&](int i, int n) { store_any(out + i, exponential(sub(load_any(x + i, n), shift)), n); });
  return sum_over(count, [&](int i, int n, F sum) { return add(sum, load_any(out + i, n)); });
}

int argmax(const float* x, int count, float* largest_value) {
  const float best = largest_of(x, count);
  *largest_value = best;
  const F wanted = set1(best);
  for (int i = 0; i < count; i += kLanes) {
    const int n = count - i < kLanes ? count - i : kLanes, lane = first_equal(load_any(x + i, n), wanted);
    if (lane < n) return i + lane;
  }
  return 0;  // nothing but NaN
}

void rotate(float* low, float* high, const float* cosine, const float* sine, int count) {
  for_vectors(count, [&](int i, int n) {
    const F a = load_any(low + i, n), b = load_any(high + i, n), c = load_any(cosine + i, n), s = load_any(sine + i, n);
    store_any(low + i, fnma(b, s, mul(a, c)), n);
    store_any(high + i, fma(a, s, mul(b, c)), n);
  });
}

void to_f16(uint16_t* out, const float* x, int count) {
  for_vectors(count, [&](int i, int n) {
    uint16_t halves[kLanes];
    store_f16(halves, load_any(x + i, n));
    for (int lane = 0; lane < n; ++lane) out[i + lane] = halves[lane];
  });
}

// Blocks of 32: scale = largest magnitude / 127, codes rounded to nearest. A block of zeros (or of magnitudes so small that their inverse
// would overflow) has scale 0.
void quantize(ActivationBlock* out, int stride, const float* x, int blocks) {
  constexpr int kVectors = kBlockColumns / kLanes;
  for (int b = 0; b < blocks; ++b, out += stride, x += kBlockColumns) {
    F magnitude = zero();
    for (int j = 0; j < kVectors; ++j) magnitude = largest(absolute(load(x + j * kLanes)), magnitude);
    const float found = reduce_max(magnitude), top = found > 1e-35f ? found : 0.0f;
    const F inverse = set1(top > 0 ? 127.0f / top : 0.0f);
    I halves[2] = {iset1(0), iset1(0)};
    for (int j = 0; j < kVectors; ++j) {
      const F scaled = mul(load(x + j * kLanes), inverse);
      const I code = to_int(largest(smallest(scaled, set1(127.0f)), set1(-127.0f)));
      store_i8(out->codes + j * kLanes, code);
      halves[2 * j / kVectors] = iadd(halves[2 * j / kVectors], code);
    }
    const int32_t low = reduce_iadd(halves[0]), high = reduce_iadd(halves[1]);
    out->scale = top / 127.0f;
    out->scaled_low = out->scale * static_cast<float>(low);
    out->scaled_high = out->scale * static_cast<float>(high);
    out->scaled_sum = out->scale * static_cast<float>(low + high);
    out->offset_low = -kHalfOffset * low;
    out->offset_high = -kHalfOffset * high;
    out->offset_sum = -kSumOffset * (low + high);
    out->unused = 0;
  }
}

}  // namespace

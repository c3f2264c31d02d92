// The delta rule (spec 5.1) as the sequential recurrence: a tile of value columns of the state stays in the L1 cache while the rows of the
// segment stream through it. A lane is a value column; sums over key dimensions run in four chains (i mod 4) that are added in a
// fixed tree. Replaying a recorded row does exactly the state operations of the forward pass: one product, one fma.
// Also the causal convolution with SiLU.

namespace {

// Column vectors worked on together: 4 chains each fill the registers.
constexpr int kDeltaVectors = kLanes == 4 ? 1 : 2;

struct Columns {
  F v[kDeltaVectors];
};

PACELINE_INLINE Columns load_columns(const float* p, int count) {
  Columns out;
#pragma GCC unroll 2
  for (int v = 0; v < kDeltaVectors; ++v) {
    const int n = count - v * kLanes;
    out.v[v] = n <= 0 ? zero() : load_any(p + v * kLanes, n < kLanes ? n : kLanes);
  }
  return out;
}

PACELINE_INLINE void store_columns(float* p, const Columns& x, int count) {
#pragma GCC unroll 2
  for (int v = 0; v < kDeltaVectors; ++v)
    if (const int n = count - v * kLanes; n > 0) store_any(p + v * kLanes, x.v[v], n < kLanes ? n : kLanes);
}

// state = decay * state + k delta^T for these columns of the scratch tile.
PACELINE_INLINE void replay_row(float* state, int dim, float decay, const float* k, const Columns& delta) {
  const F by = set1(decay);
  for (int i = 0; i < dim; ++i)
#pragma GCC unroll 2
    for (int v = 0; v < kDeltaVectors; ++v) {
      float* s = state + i * kDeltaColumns + v * kLanes;
      store(s, fma(set1(k[i]), delta.v[v], mul(load(s), by)));
    }
}

// Sums over key dimensions of products with two vectors.
struct Reads {
  Columns by_query, by_key;
};

// One pass over the tile. With `kUpdate`: state += k delta^T, by_query = q^T state. With `kDecay`: state *= decay, by_key = next_k^T state.
// A row's update and the next row's decay are one pass; the operations on an element and their order are the same as in two.
struct Pass {
  const float *k, *q, *next_k;
  float decay;
};

template <bool kUpdate, bool kDecay>
PACELINE_INLINE void pass_row(float* state, int i, const Pass& pass, const Columns& delta, F (&by_query)[kDeltaVectors],
                              F (&by_key)[kDeltaVectors]) {
#pragma GCC unroll 2
  for (int v = 0; v < kDeltaVectors; ++v) {
    float* at = state + i * kDeltaColumns + v * kLanes;
    F s = load(at);
    if constexpr (kUpdate) {
      s = fma(set1(pass.k[i]), delta.v[v], s);
      by_query[v] = fma(s, set1(pass.q[i]), by_query[v]);
    }
    if constexpr (kDecay) {
      s = mul(s, set1(pass.decay));
      by_key[v] = fma(s, set1(pass.next_k[i]), by_key[v]);
    }
    store(at, s);
  }
}

PACELINE_INLINE Columns sum_chains(const F (&chains)[4][kDeltaVectors]) {
  Columns out;
#pragma GCC unroll 2
  for (int v = 0; v < kDeltaVectors; ++v)
    out.v[v] = add(add(chains[0][v], chains[1][v]), add(chains[2][v], chains[3][v]));
  return out;
}

template <bool kUpdate, bool kDecay>
PACELINE_INLINE Reads pass_over(float* state, int dim, const Pass& pass, const Columns& delta) {
  F by_query[4][kDeltaVectors], by_key[4][kDeltaVectors];
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c)
#pragma GCC unroll 2
    for (int v = 0; v < kDeltaVectors; ++v) by_query[c][v] = by_key[c][v] = zero();
  int i = 0;
  for (; i + 4 <= dim; i += 4)
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) pass_row<kUpdate, kDecay>(state, i + c, pass, delta, by_query[c], by_key[c]);
  if (i < dim) pass_row<kUpdate, kDecay>(state, i, pass, delta, by_query[0], by_key[0]);
  if (i + 1 < dim) pass_row<kUpdate, kDecay>(state, i + 1, pass, delta, by_query[1], by_key[1]);
  if (i + 2 < dim) pass_row<kUpdate, kDecay>(state, i + 2, pass, delta, by_query[2], by_key[2]);
  return {sum_chains(by_query), sum_chains(by_key)};
}

// delta = beta * (v - read), recorded where asked for.
PACELINE_INLINE Columns make_delta(const DeltaTask& task, int r, int first, int count, const Columns& read) {
  Columns delta = load_columns(task.v + r * task.v_stride + first, count);
#pragma GCC unroll 2
  for (int v = 0; v < kDeltaVectors; ++v)
    delta.v[v] = mul(set1(task.beta[r * task.gate_stride]), sub(delta.v[v], read.v[v]));
  if (task.delta != nullptr) store_columns(task.delta + r * task.value_stride + first, delta, count);
  return delta;
}

void run_columns(const DeltaTask& task, float* state, int first, int count) {
  const auto pass_of = [&](int r) {  // from row r to row r + 1
    const float* next_k = task.k + (r + 1) * task.qk_stride;
    return Pass{task.k + r * task.qk_stride, task.q + r * task.qk_stride, next_k,
                r + 1 < task.rows ? task.decay[(r + 1) * task.gate_stride] : 1.0f};
  };
  Columns read = pass_over<false, true>(state, task.head_dim, pass_of(-1), Columns{}).by_key;
  for (int r = 0; r < task.rows; ++r) {
    const Columns delta = make_delta(task, r, first, count, read);
    const Reads reads = r + 1 < task.rows ? pass_over<true, true>(state, task.head_dim, pass_of(r), delta)
                                          : pass_over<true, false>(state, task.head_dim, pass_of(r), delta);
    read = reads.by_key;
    Columns out = reads.by_query;
#pragma GCC unroll 2
    for (int v = 0; v < kDeltaVectors; ++v) out.v[v] = mul(out.v[v], set1(task.out_scale));
    store_columns(task.out + r * task.out_stride + first, out, count);
  }
}

void delta_rule(const DeltaTask& task) {
  const auto copy_back = [&](int first, int count) {
    for (int i = 0; i < task.head_dim; ++i)
      store_columns(task.state + i * task.width + first, load_columns(task.scratch + i * kDeltaColumns + first, count),
                    count);
  };
  for (int first = 0; first < task.width; first += kDeltaVectors * kLanes) {
    const int count = task.width - first < kDeltaVectors * kLanes ? task.width - first : kDeltaVectors * kLanes;
    float* state = task.scratch + first;
    for (int i = 0; i < task.head_dim; ++i) {
      const float* row = task.state + i * task.width + first;
      // The tile that follows in memory is most often this thread's next one; it arrives while this one is worked on.
      for (int line = 0; line < count; line += 16) prefetch(row + line + task.head_dim * task.width);
      const Columns loaded = load_columns(row, count);
#pragma GCC unroll 2
      for (int v = 0; v < kDeltaVectors; ++v) store(state + i * kDeltaColumns + v * kLanes, loaded.v[v]);
    }
    for (int r = 0; r < task.replayed; ++r)
      replay_row(state, task.head_dim, task.old_decay[r * task.decay_stride], task.old_key + r * task.key_stride,
                 load_columns(task.old_delta + r * task.value_stride + first, count));
    if (task.replayed > 0 && !task.store) copy_back(first, count);
    run_columns(task, state, first, count);
    if (task.store) copy_back(first, count);
  }
}

constexpr int kConvPiece = 128;  // channels whose weights are turned to [tap][channel] at once

// The row of column `tap` for row r: in the window before the rows, or one of them.
PACELINE_INLINE const float* conv_row(const ConvTask& task, int r, int tap) {
  const int row = r - (task.taps - 1) + tap;
  return row < 0 ? task.window + (row + task.taps - 1) * task.window_stride : task.columns + row * task.column_stride;
}

// The weights of n channels from c on, by tap.
PACELINE_INLINE void load_taps(const float* channels, int taps, int n, float (&weights)[kMaxConvTaps][kConvPiece],
                               int c) {
  if (taps == 4 && n == kLanes) {
    F four[4];
    load_transposed_four(channels, four);
    for (int tap = 0; tap < 4; ++tap) store(weights[tap] + c, four[tap]);
    return;
  }
  for (int tap = 0; tap < taps; ++tap) store(weights[tap] + c, load_strided(channels + tap, taps, n));
}

void conv_silu(const ConvTask& task) {
  alignas(64) float weights[kMaxConvTaps][kConvPiece];
  for (int first = 0; first < task.channels; first += kConvPiece) {
    const int count = task.channels - first < kConvPiece ? task.channels - first : kConvPiece;
    for_vectors(count,
                [&](int c, int n) { load_taps(task.weight + (first + c) * task.taps, task.taps, n, weights, c); });
    for (int r = 0; r < task.rows; ++r)
      for_vectors(count, [&](int c, int n) {
        F sum = zero();
        for (int tap = 0; tap < task.taps; ++tap)
          sum = fma(load(weights[tap] + c), load_any(conv_row(task, r, tap) + first + c, n), sum);
        store_any(task.out + r * task.out_stride + first + c, silu(sum), n);
      });
  }
}

}  // namespace

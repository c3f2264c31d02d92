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

// Calls step(i, chain sums of each vector) for all i and returns the sums over i.
template <class Step>
PACELINE_INLINE Columns sum_rows(int dim, Step step) {
  F sums[4][kDeltaVectors];
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c)
#pragma GCC unroll 2
    for (int v = 0; v < kDeltaVectors; ++v) sums[c][v] = zero();
  int i = 0;
  for (; i + 4 <= dim; i += 4)
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) step(i + c, sums[c]);
  if (i < dim) step(i, sums[0]);
  if (i + 1 < dim) step(i + 1, sums[1]);
  if (i + 2 < dim) step(i + 2, sums[2]);
  Columns out;
#pragma GCC unroll 2
  for (int v = 0; v < kDeltaVectors; ++v) out.v[v] = add(add(sums[0][v], sums[1][v]), add(sums[2][v], sums[3][v]));
  return out;
}

// state *= decay; returns k^T state.
PACELINE_INLINE Columns decay_and_read(float* state, int dim, float decay, const float* k) {
  const F by = set1(decay);
  return sum_rows(dim, [&](int i, F(&sums)[kDeltaVectors]) {
    const F x = set1(k[i]);
#pragma GCC unroll 2
    for (int v = 0; v < kDeltaVectors; ++v) {
      float* s = state + i * kDeltaColumns + v * kLanes;
      const F decayed = mul(load(s), by);
      store(s, decayed);
      sums[v] = fma(decayed, x, sums[v]);
    }
  });
}

// state += k delta^T; returns q^T state.
PACELINE_INLINE Columns update_and_read(float* state, int dim, const float* k, const Columns& delta, const float* q) {
  return sum_rows(dim, [&](int i, F(&sums)[kDeltaVectors]) {
    const F key = set1(k[i]), query = set1(q[i]);
#pragma GCC unroll 2
    for (int v = 0; v < kDeltaVectors; ++v) {
      float* s = state + i * kDeltaColumns + v * kLanes;
      const F updated = fma(key, delta.v[v], load(s));
      store(s, updated);
      sums[v] = fma(updated, query, sums[v]);
    }
  });
}

void run_columns(const DeltaTask& task, float* state, int first, int count) {
  for (int r = 0; r < task.rows; ++r) {
    const float *q = task.q + r * task.qk_stride, *k = task.k + r * task.qk_stride;
    const float beta = task.beta[r * task.gate_stride], decay = task.decay[r * task.gate_stride];
    const Columns read = decay_and_read(state, task.head_dim, decay, k);
    Columns delta = load_columns(task.v + r * task.v_stride + first, count);
#pragma GCC unroll 2
    for (int v = 0; v < kDeltaVectors; ++v) delta.v[v] = mul(set1(beta), sub(delta.v[v], read.v[v]));
    if (task.delta != nullptr) store_columns(task.delta + r * task.value_stride + first, delta, count);
    Columns out = update_and_read(state, task.head_dim, k, delta, q);
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
      const Columns loaded = load_columns(task.state + i * task.width + first, count);
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

// The column of tap `tap` for row r: the window before the rows, then the rows.
PACELINE_INLINE const float* conv_column(const ConvTask& task, int r, int tap) {
  const int row = r - (task.taps - 1) + tap;
  return row < 0 ? task.window + (row + task.taps - 1) * task.window_stride : task.columns + row * task.column_stride;
}

void conv_silu(const ConvTask& task) {
  for_vectors(task.channels, [&](int c, int n) {
    for (int r = 0; r < task.rows; ++r) {
      F sum = zero();
      for (int tap = 0; tap < task.taps; ++tap)
        sum = fma(load_strided(task.weight + c * task.taps + tap, task.taps, n),
                  load_any(conv_column(task, r, tap) + c, n), sum);
      store_any(task.out + r * task.out_stride + c, silu(sum), n);
    }
  });
}

}  // namespace

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

// Where a pass finds the tile and where it leaves it: the state itself ([head_dim][width]) or the scratch tile. One pass may go from one to
// the other, so that the tile is never copied for its own sake.
struct TilePlace {
  float* at = nullptr;
  int stride = 0, count = 0;  // count: columns; the scratch tile has all
};

// What one pass over the tile does to an element s, in this order:
//   with kScale: s *= decay                      the row's decay, where the pass before did not do it
//   with kUpdate: s += k delta^T, by_query = q^T s
//   with kNext: s *= next_decay, by_key = next_k^T s
// A row's update and the next row's decay are one pass; the operations on an element and their order are the same as in two.
struct Pass {
  const float *k = nullptr, *q = nullptr, *next_k = nullptr;
  float decay = 1, next_decay = 1;
};

// Sums over key dimensions of products with two vectors.
struct Reads {
  Columns by_query, by_key;
};

PACELINE_INLINE Columns sum_chains(const F (&chains)[4][kDeltaVectors]) {
  Columns out;
#pragma GCC unroll 2
  for (int v = 0; v < kDeltaVectors; ++v)
    out.v[v] = add(add(chains[0][v], chains[1][v]), add(chains[2][v], chains[3][v]));
  return out;
}

template <bool kScale, bool kUpdate, bool kNext, bool kStore>
PACELINE_INLINE void pass_row(const TilePlace& from, const TilePlace& to, int i, const Pass& pass, const Columns& delta,
                              F (&by_query)[kDeltaVectors], F (&by_key)[kDeltaVectors]) {
  Columns s = load_columns(from.at + i * from.stride, from.count);
#pragma GCC unroll 2
  for (int v = 0; v < kDeltaVectors; ++v) {
    if constexpr (kScale) s.v[v] = mul(s.v[v], set1(pass.decay));
    if constexpr (kUpdate) {
      s.v[v] = fma(set1(pass.k[i]), delta.v[v], s.v[v]);
      by_query[v] = fma(s.v[v], set1(pass.q[i]), by_query[v]);
    }
    if constexpr (kNext) {
      s.v[v] = mul(s.v[v], set1(pass.next_decay));
      by_key[v] = fma(s.v[v], set1(pass.next_k[i]), by_key[v]);
    }
  }
  if constexpr (kStore) store_columns(to.at + i * to.stride, s, to.count);
}

template <bool kScale, bool kUpdate, bool kNext, bool kStore>
PACELINE_INLINE Reads pass_over(const TilePlace& from, const TilePlace& to, int dim, const Pass& pass,
                                const Columns& delta) {
  F by_query[4][kDeltaVectors], by_key[4][kDeltaVectors];
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c)
#pragma GCC unroll 2
    for (int v = 0; v < kDeltaVectors; ++v) by_query[c][v] = by_key[c][v] = zero();
  int i = 0;
  for (; i + 4 <= dim; i += 4)
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c)
      pass_row<kScale, kUpdate, kNext, kStore>(from, to, i + c, pass, delta, by_query[c], by_key[c]);
  for (int c = 0; i + c < dim; ++c)
    pass_row<kScale, kUpdate, kNext, kStore>(from, to, i + c, pass, delta, by_query[c], by_key[c]);
  return {sum_chains(by_query), sum_chains(by_key)};
}

// The state with the recorded rows replayed, in place: state = decay * state + k delta^T, row by row.
PACELINE_INLINE void replay_rows(const DeltaTask& task, const TilePlace& state, int first) {
  for (int r = 0; r < task.replayed; ++r) {
    const float* k = task.old_key + r * task.key_stride;
    const Columns delta = load_columns(task.old_delta + r * task.value_stride + first, state.count);
    const F by = set1(task.old_decay[r * task.decay_stride]);
    for (int i = 0; i < task.head_dim; ++i) {
      float* at = state.at + i * state.stride;
      Columns s = load_columns(at, state.count);
#pragma GCC unroll 2
      for (int v = 0; v < kDeltaVectors; ++v) s.v[v] = fma(set1(k[i]), delta.v[v], mul(s.v[v], by));
      store_columns(at, s, state.count);
    }
  }
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

PACELINE_INLINE void store_out(const DeltaTask& task, int r, int first, int count, Columns out) {
#pragma GCC unroll 2
  for (int v = 0; v < kDeltaVectors; ++v) out.v[v] = mul(out.v[v], set1(task.out_scale));
  store_columns(task.out + r * task.out_stride + first, out, count);
}

// Rows are far apart in memory, and what a row needs is not where the hardware would look for it.
PACELINE_INLINE void prefetch_row(const DeltaTask& task, int r, int first) {
  if (r >= task.rows) return;
  prefetch(task.v + r * task.v_stride + first);
  prefetch(task.v + r * task.v_stride + first + kDeltaVectors * kLanes - 1);
  prefetch(task.out + r * task.out_stride + first);
  prefetch(task.out + r * task.out_stride + first + kDeltaVectors * kLanes - 1);
}

// The rows of the segment over one tile of `state.count` columns. Between rows the tile is in the scratch, multiplied with the decay of the
// row that comes; the first row finds it in the state, the last one leaves it there (Prompt) or nowhere (Generate).
PACELINE_INLINE void run_tile(const DeltaTask& task, const TilePlace& state, const TilePlace& scratch, int first) {
  replay_rows(task, state, first);
  const int dim = task.head_dim, last = task.rows - 1;
  const auto pass_of = [&](int r) {  // row r and what the one after it needs
    Pass pass;
    pass.k = task.k + r * task.qk_stride, pass.q = task.q + r * task.qk_stride;
    pass.decay = task.decay[r * task.gate_stride];
    if (r < last) pass.next_k = pass.k + task.qk_stride, pass.next_decay = task.decay[(r + 1) * task.gate_stride];
    return pass;
  };
  Pass before;
  before.next_k = task.k, before.next_decay = task.decay[0];
  Columns read = pass_over<false, false, true, false>(state, state, dim, before, Columns{}).by_key;
  for (int r = 0; r < last; ++r) {
    prefetch_row(task, r + 2, first);
    const Columns delta = make_delta(task, r, first, state.count, read);
    const Reads reads = r == 0 ? pass_over<true, true, true, true>(state, scratch, dim, pass_of(r), delta)
                               : pass_over<false, true, true, true>(scratch, scratch, dim, pass_of(r), delta);
    read = reads.by_key;
    store_out(task, r, first, state.count, reads.by_query);
  }
  const Columns delta = make_delta(task, last, first, state.count, read);
  Reads reads;
  if (task.store)
    reads = last == 0 ? pass_over<true, true, false, true>(state, state, dim, pass_of(0), delta)
                      : pass_over<false, true, false, true>(scratch, state, dim, pass_of(last), delta);
  else
    reads = last == 0 ? pass_over<true, true, false, false>(state, state, dim, pass_of(0), delta)
                      : pass_over<false, true, false, false>(scratch, scratch, dim, pass_of(last), delta);
  store_out(task, last, first, state.count, reads.by_query);
}

void delta_rule(const DeltaTask& task) {
  constexpr int kWidth = kDeltaVectors * kLanes;
  for (int first = 0; first < task.width; first += kWidth) {
    TilePlace state{task.state + first, task.width, task.width - first};
    const TilePlace scratch{task.scratch + first, kDeltaColumns, kWidth};
    // The tile that follows in memory is most often this thread's next one; it arrives while this one is worked on.
    for (int i = 0; i < task.head_dim; ++i)
      for (int line = 0; line < kWidth; line += 16) prefetch(state.at + (task.head_dim + i) * task.width + line);
    if (state.count >= kWidth) state.count = kWidth, run_tile(task, state, scratch, first);  // no partial vectors
    else run_tile(task, state, scratch, first);
  }
}

constexpr int kConvPiece = 512;  // channels whose weights are turned to [tap][channel] at once

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
    for (int r = 0; r < task.rows; ++r) {
      const int row_ahead =
          r + 2 < task.rows ? r + 2 : r;  // on another page, which the hardware does not look ahead to
      const float* ahead = task.columns + row_ahead * task.column_stride + first;
      for_vectors(count, [&](int c, int n) {
        prefetch(ahead + c);
        F sum = zero();
        for (int tap = 0; tap < task.taps; ++tap)
          sum = fma(load(weights[tap] + c), load_any(conv_row(task, r, tap) + first + c, n), sum);
        store_any(task.out + r * task.out_stride + first + c, silu(sum), n);
      });
    }
  }
}

}  // namespace

// Softmax attention of a few queries of one kv head over at most kSplitPositions positions: scores, renormalised softmax and weighted sums
// in tiles of 64 positions at absolute multiples of 64. Keys lie in panels of 16 positions ([dimension][16]), so that a lane is a
// position and its score one chain of fma over the dimensions; values lie in rows, a lane is a dimension. Both are converted once for
// four queries. Positions at or beyond a query's limit are never multiplied, whatever the cache holds there.

namespace {

struct F32Cache {
  static constexpr int panel_bytes(int dim) { return dim * kPanelRows * 4; }
  static constexpr int row_bytes(int dim) { return dim * 4; }
  PACELINE_INLINE F key(const std::byte* panel, int d, int part) {
    return load_f32(panel + (d * kPanelRows + part * kLanes) * 4);
  }
  PACELINE_INLINE F value(const std::byte* row, int d) { return load_f32(row + d * 4); }
};

struct F16Cache {
  static constexpr int panel_bytes(int dim) { return dim * kPanelRows * 2; }
  static constexpr int row_bytes(int dim) { return dim * 2; }
  PACELINE_INLINE F key(const std::byte* panel, int d, int part) {
    return load_f16(panel + (d * kPanelRows + part * kLanes) * 2);
  }
  PACELINE_INLINE F value(const std::byte* row, int d) { return load_f16(row + d * 2); }
};

// Blocks of 32 dimensions. Keys: 16 f16 scales, then [32][16] int8; values: an f16 scale, then 32 int8.
struct Q8_0Cache {
  static constexpr int kKeyBlock = 32 + 32 * kPanelRows, kValueBlock = 34;
  static constexpr int panel_bytes(int dim) { return dim / 32 * kKeyBlock; }
  static constexpr int row_bytes(int dim) { return dim / 32 * kValueBlock; }
  PACELINE_INLINE F key(const std::byte* panel, int d, int part) {
    const std::byte* block = panel + d / 32 * kKeyBlock;
    return mul(to_float(load_i8(block + 32 + d % 32 * kPanelRows + part * kLanes)),
               load_f16(block + part * kLanes * 2));
  }
  PACELINE_INLINE F value(const std::byte* row, int d) {
    const std::byte* block = row + d / 32 * kValueBlock;
    return mul(to_float(load_i8(block + 2 + d % 32)), set1_f16(block));
  }
};

constexpr int kAttentionVectors = kLanes == 16 ? 4 : 2;  // times 4 queries: accumulators that fit the registers

// Softmax weights of up to 4 queries over a tile, and what earlier sums are scaled with.
struct TileWeights {
  alignas(64) float weights[4][kTilePositions];
  float earlier[4];
  int valid[4];
};

// While a tile is scored its values are asked for, and while they are weighed the next tile's keys, a little in every turn of the inner
// loop: read in turns and not in the order of memory, they take the hardware by surprise, and all at once they would be in each other's
// way. (Zen 4, 4 queries, cache in memory: 73 to 42 cycles a position and query.) Lines a turn, for turns of one dimension.
template <class K>
constexpr int kKeyLines = (K::panel_bytes(32) * (kTilePositions / kPanelRows) / 32 + 63) / 64;
template <class V>
constexpr int kValueLines = (V::row_bytes(32) * kTilePositions / 32 + 63) / 64;

template <int kLines>
PACELINE_INLINE void prefetch_lines(const std::byte* first) {
#pragma GCC unroll 8
  for (int line = 0; line < kLines; ++line) prefetch_far(first + 64 * line);
}

template <class K, class V, int kQueries>
PACELINE_INLINE void score_tile(const AttentionTask& task, int first_query, int position, int count,
                                TileWeights& tile) {
  const int panel_bytes = K::panel_bytes(task.head_dim);
  const std::byte* values = task.v + int64_t{position} * V::row_bytes(task.head_dim);
  for (int base = 0; base < count; base += kAttentionVectors * kLanes) {
    F sums[kQueries][kAttentionVectors];
    const std::byte* panels[kAttentionVectors];
    for (int v = 0; v < kAttentionVectors; ++v)
      panels[v] = task.k + int64_t{(position + base + v * kLanes) / kPanelRows} * panel_bytes;
#pragma GCC unroll 4
    for (int q = 0; q < kQueries; ++q)
#pragma GCC unroll 4
      for (int v = 0; v < kAttentionVectors; ++v) sums[q][v] = zero();
    for (int d = 0; d < task.head_dim; ++d) {
      prefetch_lines<kValueLines<V>>(values + int64_t{64} * kValueLines<V> * d);
      F keys[kAttentionVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kAttentionVectors; ++v)
        keys[v] = K::key(panels[v], d, (base / kLanes + v) % (kPanelRows / kLanes));
#pragma GCC unroll 4
      for (int q = 0; q < kQueries; ++q) {
        const F x = set1(task.queries[first_query + q][d]);
#pragma GCC unroll 4
        for (int v = 0; v < kAttentionVectors; ++v) sums[q][v] = fma(keys[v], x, sums[q][v]);
      }
    }
#pragma GCC unroll 4
    for (int q = 0; q < kQueries; ++q)
#pragma GCC unroll 4
      for (int v = 0; v < kAttentionVectors; ++v)
        store(&tile.weights[q][base + v * kLanes], mul(sums[q][v], set1(task.scale)));
  }
}

// Scores to weights exp(score - maximum); maximum and sum are kept behind the sums of the partial.
PACELINE_INLINE void soften(float* weights, int valid, float* maximum, float* sum, float* earlier) {
  if (valid <= 0) {
    *earlier = 1;
    return;
  }
  F best = set1(*maximum);
  for (int i = 0; i < valid; i += kLanes)
    best = largest(blend_first(load(weights + i), best, valid - i < kLanes ? valid - i : kLanes), best);
  const float now = reduce_max(best);
  F total = zero();
  for (int i = 0; i < valid; i += kLanes) {
    const F weight =
        blend_first(exponential(sub(load(weights + i), set1(now))), zero(), valid - i < kLanes ? valid - i : kLanes);
    store(weights + i, weight);
    total = add(total, weight);
  }
  *earlier = first_value(exponential(set1(*maximum - now)));
  *sum = *sum * *earlier + reduce_add(total);
  *maximum = now;
}

// sums = sums * earlier + weights V. Positions that all queries see are shared; the few others are added for each alone.
template <class K, class V, int kQueries>
PACELINE_INLINE void weigh_tile(const AttentionTask& task, int first_query, int position, int shared,
                                const TileWeights& tile) {
  const int row_bytes = V::row_bytes(task.head_dim);
  const std::byte* rows = task.v + int64_t{position} * row_bytes;
  const std::byte* keys =
      task.k + int64_t{position + kTilePositions} / kPanelRows * int64_t{K::panel_bytes(task.head_dim)};
  constexpr int kTurns = kTilePositions / (kAttentionVectors * kLanes);  // of weighing for one of scoring
  for (int d = 0; d < task.head_dim; d += kAttentionVectors * kLanes) {
    F sums[kQueries][kAttentionVectors];
#pragma GCC unroll 4
    for (int q = 0; q < kQueries; ++q)
#pragma GCC unroll 4
      for (int v = 0; v < kAttentionVectors; ++v)
        sums[q][v] =
            mul(load(task.partials + (first_query + q) * task.partial_stride + d + v * kLanes), set1(tile.earlier[q]));
    for (int j = 0; j < shared; ++j) {
      prefetch_lines<kKeyLines<K>>(keys + int64_t{64} * kKeyLines<K> * (d + j / kTurns));
      F values[kAttentionVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kAttentionVectors; ++v) values[v] = V::value(rows + j * row_bytes, d + v * kLanes);
#pragma GCC unroll 4
      for (int q = 0; q < kQueries; ++q) {
        const F weight = set1(tile.weights[q][j]);
#pragma GCC unroll 4
        for (int v = 0; v < kAttentionVectors; ++v) sums[q][v] = fma(values[v], weight, sums[q][v]);
      }
    }
#pragma GCC unroll 4
    for (int q = 0; q < kQueries; ++q) {
      for (int j = shared; j < tile.valid[q]; ++j)
#pragma GCC unroll 4
        for (int v = 0; v < kAttentionVectors; ++v)
          sums[q][v] = fma(V::value(rows + j * row_bytes, d + v * kLanes), set1(tile.weights[q][j]), sums[q][v]);
#pragma GCC unroll 4
      for (int v = 0; v < kAttentionVectors; ++v) {
        const int lanes = task.head_dim - d - v * kLanes;
        float* out = task.partials + (first_query + q) * task.partial_stride + d + v * kLanes;
        if (lanes > 0) store_any(out, sums[q][v], lanes < kLanes ? lanes : kLanes);
      }
    }
  }
}

template <class K, class V, int kQueries>
void attend_tile(const AttentionTask& task, int first_query, int position) {
  TileWeights tile;
  const int end = position + kTilePositions < task.end ? position + kTilePositions : task.end;
  int most = 0, shared = kTilePositions;
  for (int q = 0; q < kQueries; ++q) {
    const int limit = task.limits[first_query + q] < end ? task.limits[first_query + q] : end;
    const int valid = limit > position ? limit - position : 0;
    tile.valid[q] = valid;
    most = valid > most ? valid : most;
    shared = valid < shared ? valid : shared;
  }
  if (most == 0) return;
  score_tile<K, V, kQueries>(task, first_query, position, most, tile);
  for (int q = 0; q < kQueries; ++q) {
    float* tail = task.partials + (first_query + q) * task.partial_stride + task.head_dim;
    soften(tile.weights[q], tile.valid[q], tail, tail + 1, &tile.earlier[q]);
  }
  weigh_tile<K, V, kQueries>(task, first_query, position, shared, tile);
}

template <class K, class V>
void attend(const AttentionTask& task) {
  for (int q = 0; q < task.query_count; ++q) {
    float* partial = task.partials + q * task.partial_stride;
    for (int d = 0; d < task.head_dim; ++d) partial[d] = 0;
    partial[task.head_dim] = -__builtin_inff();
    partial[task.head_dim + 1] = 0;
  }
  for (int position = task.begin; position < task.end; position += kTilePositions)
    for (int q = 0; q < task.query_count; q += 4) {
      switch (task.query_count - q) {
        case 1: attend_tile<K, V, 1>(task, q, position); break;
        case 2: attend_tile<K, V, 2>(task, q, position); break;
        case 3: attend_tile<K, V, 3>(task, q, position); break;
        default: attend_tile<K, V, 4>(task, q, position);
      }
    }
}

void merge_attention(float* out, const float* partials, int64_t partial_stride, int count, int head_dim) {
  float maximum = partials[head_dim], sum = partials[head_dim + 1];
  for_vectors(head_dim, [&](int d, int n) { store_any(out + d, load_any(partials + d, n), n); });
  for (int s = 1; s < count; ++s) {
    const float* partial = partials + s * partial_stride;
    const float now = partial[head_dim] > maximum ? partial[head_dim] : maximum;
    const F old_share = exponential(set1(maximum - now)), new_share = exponential(set1(partial[head_dim] - now));
    for_vectors(head_dim, [&](int d, int n) {
      store_any(out + d, fma(load_any(partial + d, n), new_share, mul(load_any(out + d, n), old_share)), n);
    });
    sum = sum * first_value(old_share) + partial[head_dim + 1] * first_value(new_share);
    maximum = now;
  }
  for_vectors(head_dim, [&](int d, int n) { store_any(out + d, div(load_any(out + d, n), set1(sum)), n); });
}

}  // namespace

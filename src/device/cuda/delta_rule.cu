// Per value head, row after row:  S <- decay S;  delta = beta (v - k^T S);  S <- S + k delta^T;  out = q^T S / sqrt(head_dim)
// with q, k normalised to length 1, beta = sigmoid, decay = exp(a softplus(alpha + dt)).
//
// Called by CudaDevice::delta_rule, once per recurrent layer. The rows are made ready (delta_prepare-inl.h) by the convolution before it or by
// prepare_kernel. delta_kernel is the sequential recurrence: a block holds 32 value columns of a head's state in
// registers, four threads a column, each with every fourth key dimension; rows stream through shared memory, the next one is fetched while
// this one is worked on. Sums over key dimensions are the four threads' chains, added in a fixed tree. The state is read once; it is written
// once, after the recorded rows have been replayed (Generate) or after the last row (Prompt), and not at all by a Generate step that
// replays nothing. Replaying does the same operations on an element in the same order as the forward pass: a product, a fused multiply-add.
// 4 bytes per element of the state. Share of peak: not measured yet (no GPU).
#include <cmath>

#include "device/cuda/delta_prepare-inl.h"
#include "device/cuda/launch.h"

namespace paceline::cuda {

namespace {

constexpr int kThreads = 128, kChains = 4, kColumns = kThreads / kChains;
constexpr int kPrepareWarps = kThreads / kWarpLanes;

// A warp does one head's q or k of a row; the block behind those of all heads makes the row's gates.
__global__ void __launch_bounds__(kThreads) prepare_kernel(DeltaTask task) {
  wait_for_previous_kernel();
  const DeltaSegment& segment = task.segments[blockIdx.z];
  const int i = static_cast<int>(blockIdx.x), first = static_cast<int>(blockIdx.y) * kPrepareWarps;
  if (i >= segment.row_count) return;
  const Recorded& record = segment.record(task.now[segment.sequence]);
  const int vector = first + warp_index(), vectors = 2 * task.key_heads;
  if (vector < vectors)
    normalise_vector(task, segment, record, i, vector, task.qkv.row(segment.first_row + i) + vector * task.dim);
  if (first >= vectors) make_gates(task, segment, record, i, kThreads);
}

// q and k of a row, by chains: element 4 n + c of a vector is at [c][n], so that a thread reads its own in pieces of four. Two rows by turns.
template <int kDim>
struct DeltaShared {
  static constexpr int kStride = kDim / kChains + 4;  // the four chains' pieces lie in different banks
  alignas(16) float k[2][kChains][kStride];
  alignas(16) float q[2][kChains][kStride];
};

// One thread's share of a column of the state: key dimensions 4 n + chain.
template <int kDim>
struct Column {
  static constexpr int kCount = kDim / kChains;
  float s[kCount];

  // k^T (decay s) after s <- decay s
  __device__ __forceinline__ float scale_and_read(float decay, const float* k) {
    float sum = 0;
#pragma unroll
    for (int n = 0; n < kCount; n += 4) {
      const float4 four = load_wide<float4>(k + n);
      const float keys[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        s[n + i] = s[n + i] * decay;
        sum = fmaf(s[n + i], keys[i], sum);
      }
    }
    return sum;
  }

  // q^T s after s <- s + k delta
  __device__ __forceinline__ float add_and_read(float delta, const float* k, const float* q) {
    float sum = 0;
#pragma unroll
    for (int n = 0; n < kCount; n += 4) {
      const float4 k_four = load_wide<float4>(k + n), q_four = load_wide<float4>(q + n);
      const float keys[4] = {k_four.x, k_four.y, k_four.z, k_four.w};
      const float queries[4] = {q_four.x, q_four.y, q_four.z, q_four.w};
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        s[n + i] = fmaf(keys[i], delta, s[n + i]);
        sum = fmaf(s[n + i], queries[i], sum);
      }
    }
    return sum;
  }

  __device__ __forceinline__ void replay(float decay, float delta, const float* k) {
#pragma unroll
    for (int n = 0; n < kCount; n += 4) {
      const float4 four = load_wide<float4>(k + n);
      const float keys[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
      for (int i = 0; i < 4; ++i) s[n + i] = fmaf(keys[i], delta, s[n + i] * decay);
    }
  }
};

// The sum of the four chains of a column; all four threads get the same bits.
__device__ __forceinline__ float sum_chains(float value) {
  value += __shfl_xor_sync(kAllLanes, value, 1);
  return value + __shfl_xor_sync(kAllLanes, value, 2);
}

// What a thread knows of its place.
struct Place {
  int value_head, key_head, chain, column;  // column: of the head
  bool exists;  // columns behind the head's last are worked on with zeros and never stored
};

// Elements of a vector of head_dim that a thread brings to shared memory; zeros behind its end.
template <int kDim>
struct Fetched {
  static constexpr int kCount = (kDim + kThreads - 1) / kThreads;
  float values[kCount];

  __device__ __forceinline__ void fetch(const float* from, int dim) {
#pragma unroll
    for (int n = 0; n < kCount; ++n) {
      const int d = static_cast<int>(threadIdx.x) + n * kThreads;
      values[n] = d < dim ? from[d] : 0.0f;
    }
  }
  __device__ __forceinline__ void put(float (&to)[kChains][DeltaShared<kDim>::kStride]) const {
#pragma unroll
    for (int n = 0; n < kCount; ++n) {
      const int d = static_cast<int>(threadIdx.x) + n * kThreads;
      if (d < kDim) to[d % kChains][d / kChains] = values[n];
    }
  }
};

// What a recorded row brings.
template <int kDim>
struct ReplayInput {
  Fetched<kDim> key;
  float delta, decay;

  __device__ __forceinline__ void fetch(const DeltaTask& task, const Recorded& old, const Place& place, int row) {
    key.fetch(old.key.row(row) + place.key_head * task.dim, task.dim);
    delta = place.exists ? old.delta.row(row)[place.value_head * task.dim + place.column] : 0.0f;
    decay = old.decay.row(row)[place.value_head];
  }
};

template <int kDim>
__device__ __forceinline__ void replay_rows(Column<kDim>& column, const DeltaTask& task, const Recorded& old,
                                            int replayed, const Place& place, DeltaShared<kDim>& shared) {
  ReplayInput<kDim> next;
  if (replayed > 0) next.fetch(task, old, place, 0);
  for (int r = 0; r < replayed; ++r) {
    next.key.put(shared.k[r % 2]);
    const float delta = next.delta, decay = next.decay;
    if (r + 1 < replayed) next.fetch(task, old, place, r + 1);
    __syncthreads();
    column.replay(decay, delta, shared.k[r % 2][place.chain]);
  }
  __syncthreads();
}

// What a row brings, fetched while the row before it is worked on.
template <int kDim>
struct RowInput {
  Fetched<kDim> q, k;
  float v, beta, decay;

  __device__ __forceinline__ void fetch(const DeltaTask& task, const Place& place, int row) {
    const float* normalised = task.normalised.row(row) + place.key_head * task.dim;
    q.fetch(normalised, task.dim);
    k.fetch(normalised + task.key_heads * task.dim, task.dim);
    const int value = place.value_head * task.dim + place.column;
    v = place.exists ? task.qkv.row(row)[2 * task.key_heads * task.dim + value] : 0.0f;
    beta = task.gates.row(row)[place.value_head];
    decay = task.gates.row(row)[task.value_heads + place.value_head];
  }
};

// `next` has the first row.
template <int kDim>
__device__ __forceinline__ void run_rows(Column<kDim>& column, const DeltaTask& task, const DeltaSegment& segment,
                                         const SequenceNow& now, const Place& place, RowInput<kDim>& next,
                                         DeltaShared<kDim>& shared) {
  const bool stores = place.exists && place.chain == 0;
  const int value = place.value_head * task.dim + place.column;
  for (int i = 0; i < segment.row_count; ++i) {
    auto &q = shared.q[i % 2], &k = shared.k[i % 2];
    next.q.put(q);
    next.k.put(k);
    const float v = next.v, beta = next.beta, decay = next.decay;
    if (i + 1 < segment.row_count) next.fetch(task, place, segment.first_row + i + 1);
    __syncthreads();  // the row is there; the one before it, in the other half, has been used by all
    const float delta = beta * (v - sum_chains(column.scale_and_read(decay, k[place.chain])));
    const float out = sum_chains(column.add_and_read(delta, k[place.chain], q[place.chain]));
    if (!stores) continue;
    task.out.row(segment.first_row + i)[value] = out * task.out_scale;
    if (!segment.is_prompt) segment.record(now).delta.row(i)[value] = delta;
  }
}

// The block's columns of the state: 128 bytes of each row.
__device__ __forceinline__ void prefetch_state(const DeltaTask& task) {
  const float* state =
      task.segments[blockIdx.z].state + int64_t{blockIdx.y} * task.dim * task.dim + blockIdx.x * kColumns;
  for (int d = static_cast<int>(threadIdx.x); d < task.dim; d += kThreads) prefetch_line(state + d * task.dim);
}

template <int kDim>
__global__ void __launch_bounds__(kThreads) delta_kernel(DeltaTask task) {
  prefetch_state(task);
  wait_for_previous_kernel();
  auto& shared = dynamic_shared<DeltaShared<kDim>>();
  const DeltaSegment& segment = task.segments[blockIdx.z];
  const SequenceNow now = task.now[segment.sequence];
  Place place;
  place.value_head = static_cast<int>(blockIdx.y);
  place.key_head =
      task.grouped_heads ? place.value_head / (task.value_heads / task.key_heads) : place.value_head % task.key_heads;
  place.chain = static_cast<int>(threadIdx.x) % kChains;
  place.column = static_cast<int>(blockIdx.x) * kColumns + static_cast<int>(threadIdx.x) / kChains;
  place.exists = place.column < task.dim;

  float* state = segment.state + int64_t{place.value_head} * task.dim * task.dim + place.column;
  Column<kDim> column;
  const auto is_inside = [&](int n) { return place.exists && n * kChains + place.chain < task.dim; };
  const auto store = [&] {
#pragma unroll
    for (int n = 0; n < Column<kDim>::kCount; ++n)
      if (is_inside(n)) state[(n * kChains + place.chain) * task.dim] = column.s[n];
  };
#pragma unroll
  for (int n = 0; n < Column<kDim>::kCount; ++n)
    column.s[n] = is_inside(n) ? state[(n * kChains + place.chain) * task.dim] : 0.0f;
  RowInput<kDim> row;
  row.fetch(task, place, segment.first_row);
  replay_rows(column, task, segment.old(now), now.replayed, place, shared);
  if (!segment.is_prompt && now.replayed > 0) store();
  run_rows(column, task, segment, now, place, row, shared);
  if (segment.is_prompt) store();
}

using DeltaKernel = void (*)(DeltaTask);

// The smallest kernel whose registers hold a column.
struct DeltaChoice {
  DeltaKernel kernel;
  size_t shared_bytes;
};

DeltaChoice choose_kernel(int dim) {
  if (dim <= 32) return {delta_kernel<32>, sizeof(DeltaShared<32>)};
  if (dim <= 64) return {delta_kernel<64>, sizeof(DeltaShared<64>)};
  if (dim <= 128) return {delta_kernel<128>, sizeof(DeltaShared<128>)};
  return {delta_kernel<256>, sizeof(DeltaShared<256>)};
}

Recorded recorded(const RecurrentMemory& memory, int side) {
  return {matrix(memory.key[side]), matrix(memory.delta[side]), matrix(memory.decay[side])};
}

// Queues what makes the rows ready: the convolution that waits, or a kernel of its own.
void prepare(CudaContext& context, const DeltaTask& task, const Tensor& qkv, int most_rows, unsigned segments) {
  const int vectors = 2 * task.key_heads;
  const bool fills_blocks = kConvThreads % task.dim == 0 && vectors * task.dim % kConvThreads == 0;
  if (fills_blocks && context.deferred.can_prepare(qkv)) return context.deferred.start_with({.prepare = &task});
  const dim3 blocks(static_cast<unsigned>(most_rows), static_cast<unsigned>(ceil_divide(vectors, kPrepareWarps) + 1),
                    segments);
  launch(prepare_kernel, Grid{"prepare delta_rule", blocks, kThreads, 0}, context, task);
}

void run(CudaContext& context, DeltaTask& task, const Tensor& qkv, std::span<const Segment> segments, int layer) {
  int most_rows = 0;
  for (size_t i = 0; i < segments.size(); ++i) {
    const RecurrentMemory& memory = segments[i].state->recurrent(layer);
    task.segments[i] = {memory.state.f32(),
                        {recorded(memory, 0), recorded(memory, 1)},
                        context.step.place(segments[i]).sequence,
                        segments[i].first_row,
                        segments[i].row_count,
                        segments[i].phase == Phase::Prompt};
    most_rows = std::max(most_rows, segments[i].row_count);
  }
  const unsigned count = static_cast<unsigned>(segments.size());
  prepare(context, task, qkv, most_rows, count);
  const DeltaChoice choice = choose_kernel(task.dim);
  const dim3 blocks(static_cast<unsigned>(ceil_divide(task.dim, kColumns)), static_cast<unsigned>(task.value_heads),
                    count);
  launch(choice.kernel, Grid{"delta_rule", blocks, kThreads, choice.shared_bytes}, context, task);
}

}  // namespace

void delta_rule(CudaContext& context, Tensor out, const DeltaRuleInput& input, const Batch& batch, int layer) {
  const RecurrentShape& shape = batch.segments.front().state->recurrent(layer).shape;
  if (shape.head_dim > kMaxDeltaDim)
    fail("cuda: a recurrent layer's head_dim is ", shape.head_dim, ", expected at most ", kMaxDeltaDim);
  const int64_t vectors = int64_t{2} * shape.key_head_count * shape.head_dim,
                gates = int64_t{2} * shape.value_head_count;
  float* scratch =
      context.recurrent_scratch.get<float>(static_cast<size_t>(batch.rows()) * static_cast<size_t>(vectors + gates));
  DeltaTask task{};
  task.now = context.step.of(batch);
  task.qkv = matrix(input.qkv), task.beta = matrix(input.beta), task.alpha = matrix(input.alpha);
  task.out = matrix(out);
  task.a = input.a.f32(), task.dt = input.dt.f32();
  task.eps = input.eps;
  task.out_scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(shape.head_dim)));
  task.key_heads = shape.key_head_count, task.value_heads = shape.value_head_count, task.dim = shape.head_dim;
  task.grouped_heads = input.grouped_heads;
  task.normalised = {scratch, vectors};
  task.gates = {scratch + batch.rows() * vectors, gates};
  for (size_t first = 0; first < batch.segments.size(); first += kMaxDeltaSegments)
    run(context, task, input.qkv,
        batch.segments.subspan(first, std::min<size_t>(kMaxDeltaSegments, batch.segments.size() - first)), layer);
}

}  // namespace paceline::cuda

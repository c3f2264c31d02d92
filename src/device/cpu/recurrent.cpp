// Convolution and delta rule of the gated delta net. The state of a head is stored as tiles of up to kDeltaColumns value columns,
// [tile][key dimension][column]: what one kernel call works on is contiguous.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "device/cpu/cpu_device.h"

namespace paceline::cpu {

namespace {

float sigmoid(float x) { return static_cast<float>(1.0 / (1.0 + std::exp(-static_cast<double>(x)))); }

float softplus(float x) { return x > 20 ? x : static_cast<float>(std::log1p(std::exp(static_cast<double>(x)))); }

// The window of the next step: all columns of a Generate step (commit decides), the last ones of a Prompt step.
void record_columns(Tensor u, const Segment& segment, Tensor window, Tensor record, int taps) {
  const int first = segment.phase == Phase::Prompt ? segment.row_count - (taps - 1) : -(taps - 1);
  for (int i = first; i < segment.row_count; ++i)
    std::memcpy(record.f32(i - first), i < 0 ? window.f32(taps - 1 + i) : u.f32(segment.first_row + i),
                static_cast<size_t>(u.cols) * 4);
}

}  // namespace

// Scratch of one segment's rows: normalised q and k, gates. The rows of a head are neighbours: a tile reads them as one stream.
struct CpuDevice::DeltaRows {
  float *q, *k;  // key heads x rows x head_dim
  float *beta, *decay;  // rows x value heads
};

void CpuDevice::conv_silu(Tensor out, Tensor u, const Batch& batch, int layer, Tensor weight) {
  checks::conv_silu(out, u, batch, layer, weight);
  const int taps = weight.cols;
  PACELINE_ASSERT(weight.stride == taps && taps <= kMaxConvTaps);
  constexpr int kPiece = 512, kPieceRows = 4;
  for (const Segment& segment : batch.segments) {
    SequenceState& state = *segment.state;
    RecurrentMemory& memory = state.recurrent(layer);
    const Tensor window = memory.conv[state.previous_record()].row_range(state.replayed(), taps - 1);
    const int pieces = (u.cols + kPiece - 1) / kPiece;
    const int grain = std::max(1, kPieceRows / segment.row_count);
    pool_.run(pieces, grain, [&](int64_t begin, int64_t end, int) {
      const int first = static_cast<int>(begin) * kPiece, last = std::min(static_cast<int>(end) * kPiece, u.cols);
      kernels_.conv_silu({.window = window.f32() + first,
                          .window_stride = window.stride,
                          .columns = u.f32(segment.first_row) + first,
                          .column_stride = u.stride,
                          .rows = segment.row_count,
                          .channels = last - first,
                          .taps = taps,
                          .weight = weight.f32(first),
                          .out = out.f32(segment.first_row) + first,
                          .out_stride = out.stride});
    });
    record_columns(u, segment, window, memory.conv[state.current_record()], taps);
  }
}

// Normalises q and k of every row and key head and computes the gates; records the keys and decays of a Generate step.
void CpuDevice::prepare_delta_rows(const DeltaRuleInput& input, const Segment& segment, int layer,
                                   const DeltaRows& rows) {
  RecurrentMemory& memory = segment.state->recurrent(layer);
  const RecurrentShape& shape = memory.shape;
  const int key_cols = shape.key_head_count * shape.head_dim, heads = shape.value_head_count;
  const int record = segment.phase == Phase::Generate ? segment.state->current_record() : -1;
  for_rows(segment.row_count, 4 * key_cols, [&](int i) {
    const int row = segment.first_row + i;
    const float* columns = input.qkv.f32(row);
    for (int head = 0; head < shape.key_head_count; ++head) {
      const int first = head * shape.head_dim;
      const int64_t at = (int64_t{head} * segment.row_count + i) * shape.head_dim;
      kernels_.l2_norm(rows.q + at, columns + first, shape.head_dim, input.eps);
      kernels_.l2_norm(rows.k + at, columns + key_cols + first, shape.head_dim, input.eps);
      if (record >= 0)
        std::memcpy(memory.key[record].f32(i) + first, rows.k + at, static_cast<size_t>(shape.head_dim) * 4);
    }
    float *beta = rows.beta + int64_t{i} * heads, *decay = rows.decay + int64_t{i} * heads;
    for (int head = 0; head < heads; ++head) {
      beta[head] = sigmoid(input.beta.f32(row)[head]);
      const float rate = input.a.f32()[head] * softplus(input.alpha.f32(row)[head] + input.dt.f32()[head]);
      decay[head] = static_cast<float>(std::exp(static_cast<double>(rate)));
    }
    if (record >= 0) std::memcpy(memory.decay[record].f32(i), decay, static_cast<size_t>(heads) * 4);
  });
}

void CpuDevice::run_delta_rows(Tensor out, const DeltaRuleInput& input, const Segment& segment, int layer,
                               const DeltaRows& rows) {
  SequenceState& state = *segment.state;
  RecurrentMemory& memory = state.recurrent(layer);
  const RecurrentShape& shape = memory.shape;
  const int dim = shape.head_dim, heads = shape.value_head_count, key_cols = shape.key_head_count * dim;
  const int tiles = (dim + kDeltaColumns - 1) / kDeltaColumns, old = state.previous_record(),
            record = state.current_record();
  const size_t scratch = delta_scratch_floats(dim);
  float* scratches = tiles_.get<float>(scratch * static_cast<size_t>(pool_.size()));
  pool_.run(int64_t{heads} * tiles, 1, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t item = begin; item < end; ++item) {
      const int head = static_cast<int>(item) / tiles, first = static_cast<int>(item) % tiles * kDeltaColumns;
      const int key_head = input.grouped_heads ? head / (heads / shape.key_head_count) : head % shape.key_head_count;
      const int key_first = key_head * dim, value_first = head * dim + first;
      const int64_t keys = int64_t{key_first} * segment.row_count;
      kernels_.delta_rule(
          {.state = memory.state.f32(head * dim) + int64_t{first} * dim,
           .head_dim = dim,
           .width = std::min(kDeltaColumns, dim - first),
           .store = segment.phase == Phase::Prompt,
           .replayed = state.replayed(),
           .old_key = memory.key[old].f32() + key_first,
           .old_delta = memory.delta[old].f32() + value_first,
           .old_decay = memory.decay[old].f32() + head,
           .key_stride = memory.key[old].stride,
           .value_stride = memory.delta[old].stride,
           .decay_stride = memory.decay[old].stride,
           .rows = segment.row_count,
           .q = rows.q + keys,
           .k = rows.k + keys,
           .qk_stride = dim,
           .v = input.qkv.f32(segment.first_row) + 2 * key_cols + value_first,
           .v_stride = input.qkv.stride,
           .beta = rows.beta + head,
           .decay = rows.decay + head,
           .gate_stride = heads,
           .out_scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(dim))),
           .out = out.f32(segment.first_row) + value_first,
           .out_stride = out.stride,
           .delta = segment.phase == Phase::Generate ? memory.delta[record].f32() + value_first : nullptr,
           .scratch = scratches + static_cast<size_t>(thread) * scratch});
    }
  });
}

void CpuDevice::delta_rule(Tensor out, const DeltaRuleInput& input, const Batch& batch, int layer) {
  checks::delta_rule(out, input, batch, layer);
  for (const Segment& segment : batch.segments) {
    const RecurrentShape& shape = segment.state->recurrent(layer).shape;
    const size_t count = static_cast<size_t>(segment.row_count), heads = static_cast<size_t>(shape.value_head_count);
    const size_t key_cols = static_cast<size_t>(shape.key_head_count * shape.head_dim);
    float* normalised = normalised_.get<float>(2 * count * key_cols);
    float* gates = gates_.get<float>(2 * count * heads);
    const DeltaRows rows{normalised, normalised + count * key_cols, gates, gates + count * heads};
    prepare_delta_rows(input, segment, layer, rows);
    run_delta_rows(out, input, segment, layer, rows);
  }
}

}  // namespace paceline::cpu

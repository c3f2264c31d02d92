#include <algorithm>
#include <cstring>

#include "device/reference/reference_device.h"

namespace paceline {

namespace {

// out = x / max(|x|, eps)
void l2_normalise(float* out, const float* x, int count, float eps) {
  const double norm = std::max(std::sqrt(reference::dot(x, x, count)), static_cast<double>(eps));
  for (int i = 0; i < count; ++i) out[i] = static_cast<float>(x[i] / norm);
}

float softplus(float x) { return x > 20 ? x : std::log1p(std::exp(x)); }

// S <- decay * S + k * delta^T, every product and sum rounded on its own: forward pass and replay share it, so their bits agree.
// S is dim x dim, S[i][j]: i over keys, j over values.
void decay_state(float* state, float decay, int dim) {
  for (int i = 0; i < dim * dim; ++i) state[i] = decay * state[i];
}

void add_outer(float* state, const float* k, const float* delta, int dim) {
  for (int i = 0; i < dim; ++i)
    for (int j = 0; j < dim; ++j) state[i * dim + j] = state[i * dim + j] + k[i] * delta[j];
}

// out_j = sum_i S[i][j] * x_i
void read_state(float* out, const float* state, const float* x, int dim) {
  for (int j = 0; j < dim; ++j) {
    double sum = 0;
    for (int i = 0; i < dim; ++i) sum += static_cast<double>(state[i * dim + j]) * static_cast<double>(x[i]);
    out[j] = static_cast<float>(sum);
  }
}

struct Head {
  int value_head, key_head, dim;
};

void replay(float* state, RecurrentMemory& memory, int record, int rows, const Head& head) {
  for (int row = 0; row < rows; ++row) {
    decay_state(state, memory.decay[record].f32(row)[head.value_head], head.dim);
    add_outer(state, memory.key[record].f32(row) + head.key_head * head.dim,
              memory.delta[record].f32(row) + head.value_head * head.dim, head.dim);
  }
}

// One head over the rows of a segment. Writes records when `record` >= 0.
void run_head(float* state, Tensor out, const DeltaRuleInput& input, const Segment& segment, RecurrentMemory& memory,
              int record, const Head& head) {
  const int dim = head.dim, key_cols = memory.shape.key_head_count * dim;
  std::vector<float> q(static_cast<size_t>(dim)), k(q), delta(q), read(q);
  const float query_scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(dim)));
  for (int i = 0; i < segment.row_count; ++i) {
    const int row = segment.first_row + i;
    const float* columns = input.qkv.f32(row);
    l2_normalise(q.data(), columns + head.key_head * dim, dim, input.eps);
    l2_normalise(k.data(), columns + key_cols + head.key_head * dim, dim, input.eps);
    const float* v = columns + 2 * key_cols + head.value_head * dim;
    const int h = head.value_head;
    const float beta = reference::sigmoid(input.beta.f32(row)[h]);
    const float decay = std::exp(input.a.f32()[h] * softplus(input.alpha.f32(row)[h] + input.dt.f32()[h]));

    decay_state(state, decay, dim);
    read_state(read.data(), state, k.data(), dim);
    for (int j = 0; j < dim; ++j) delta[static_cast<size_t>(j)] = beta * (v[j] - read[static_cast<size_t>(j)]);
    add_outer(state, k.data(), delta.data(), dim);
    read_state(read.data(), state, q.data(), dim);
    for (int j = 0; j < dim; ++j) out.f32(row)[h * dim + j] = read[static_cast<size_t>(j)] * query_scale;
    if (record < 0) continue;
    memory.decay[record].f32(i)[h] = decay;
    std::memcpy(memory.delta[record].f32(i) + h * dim, delta.data(), delta.size() * 4);
    std::memcpy(memory.key[record].f32(i) + head.key_head * dim, k.data(), k.size() * 4);
  }
}

}  // namespace

void ReferenceDevice::conv_silu(Tensor out, Tensor u, const Batch& batch, int layer, Tensor weight) {
  checks::conv_silu(out, u, batch, layer, weight);
  const int taps = weight.cols, channels = weight.rows;
  for (const Segment& segment : batch.segments) {
    SequenceState& state = *segment.state;
    RecurrentMemory& memory = state.recurrent(layer);
    const Tensor window = memory.conv[state.previous_record()].row_range(state.replayed(), taps - 1);
    const auto column = [&](int i) {  // i < 0: committed columns, oldest at -(taps - 1)
      return i < 0 ? window.f32(taps - 1 + i) : u.f32(segment.first_row + i);
    };
    for (int i = 0; i < segment.row_count; ++i)
      for (int channel = 0; channel < channels; ++channel) {
        double sum = 0;
        for (int tap = 0; tap < taps; ++tap)
          sum += static_cast<double>(weight.f32(channel)[tap]) *
                 static_cast<double>(column(i - (taps - 1) + tap)[channel]);
        out.f32(segment.first_row + i)[channel] = reference::silu(static_cast<float>(sum));
      }
    // The window the next step starts from: all columns of a Generate step (commit decides), the last ones of a Prompt step.
    const Tensor record = memory.conv[state.current_record()];
    const int first = segment.phase == Phase::Prompt ? segment.row_count - (taps - 1) : -(taps - 1);
    for (int i = first; i < segment.row_count; ++i)
      std::memcpy(record.f32(i - first), column(i), static_cast<size_t>(channels) * 4);
  }
}

void ReferenceDevice::delta_rule(Tensor out, const DeltaRuleInput& input, const Batch& batch, int layer) {
  checks::delta_rule(out, input, batch, layer);
  for (const Segment& segment : batch.segments) {
    SequenceState& sequence = *segment.state;
    RecurrentMemory& memory = sequence.recurrent(layer);
    const RecurrentShape& shape = memory.shape;
    const int dim = shape.head_dim, ratio = shape.value_head_count / shape.key_head_count;
    for (int h = 0; h < shape.value_head_count; ++h) {
      const Head head{h, input.grouped_heads ? h / ratio : h % shape.key_head_count, dim};
      float* state = memory.state.f32(h * dim);
      replay(state, memory, sequence.previous_record(), sequence.replayed(), head);
      if (segment.phase == Phase::Prompt) {
        run_head(state, out, input, segment, memory, -1, head);
      } else {
        std::vector<float> scratch(state, state + dim * dim);
        run_head(scratch.data(), out, input, segment, memory, sequence.current_record(), head);
      }
    }
  }
}

}  // namespace paceline

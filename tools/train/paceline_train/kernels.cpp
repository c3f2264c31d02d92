// CPU kernels of the training step: forward and backward of the parts that PyTorch would do in dozens of passes over memory.
// Rows are tokens of packed documents; document d owns rows offsets[d] .. offsets[d+1]-1 and sees nothing of its neighbours.
// Activations that feed or leave a matrix product are bf16, everything else is f32. kernels.py holds the same mathematics in
// plain PyTorch (for CUDA, and to check these); the formulas are those of the Gated DeltaNet and gated attention blocks.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {
constexpr int kHead = 64;  // size of one head of both mixers
constexpr int kStride = 16;  // delta rule: states are kept every kStride tokens and rebuilt in between
constexpr float kTiny = 1e-6f;
using bf16 = uint16_t;

inline float widen(bf16 value) {
  uint32_t bits = uint32_t(value) << 16;
  float result;
  std::memcpy(&result, &bits, 4);
  return result;
}
inline bf16 narrow(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return bf16((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}
inline float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }

inline float dot(const float* a, const float* b) {
  float sum = 0;
  for (int i = 0; i < kHead; i++) sum += a[i] * b[i];
  return sum;
}

// Unit vector of x times scale; returns the reciprocal of the length.
inline float unit(const bf16* x, float scale, float* out) {
  float values[kHead];
  for (int i = 0; i < kHead; i++) values[i] = widen(x[i]);
  float inverse = 1.0f / std::max(std::sqrt(dot(values, values)), kTiny);
  for (int i = 0; i < kHead; i++) out[i] = values[i] * inverse * scale;
  return inverse;
}

struct DeltaInput {
  const bf16* mixed;  // [rows][3*heads*64]: q | k | v after convolution
  const float* log_decay;  // [rows][heads]
  const float* beta;  // [rows][heads]
  int heads;
  const bf16* query(int row, int head) const { return mixed + (size_t(row) * 3 * heads + head) * kHead; }
  const bf16* key(int row, int head) const { return query(row, head) + heads * kHead; }
  const bf16* value(int row, int head) const { return query(row, head) + 2 * heads * kHead; }
};

// One token: state <- decay*state + key*delta; error = value - key^T(decay*state), delta = beta*error.
inline void delta_step(float* state, const float* key, const bf16* value, float decay, float beta, float* error) {
  float expected[kHead] = {};
  for (int i = 0; i < kHead; i++)
    for (int j = 0; j < kHead; j++) expected[j] += state[i * kHead + j] * key[i];
  float change[kHead];
  for (int j = 0; j < kHead; j++) {
    error[j] = widen(value[j]) - decay * expected[j];
    change[j] = beta * error[j];
  }
  for (int i = 0; i < kHead; i++)
    for (int j = 0; j < kHead; j++) state[i * kHead + j] = decay * state[i * kHead + j] + key[i] * change[j];
}

struct DeltaGradient {
  const float* out;  // [rows][heads*64], given
  bf16* mixed;
  float* log_decay;
  float* beta;
};

// Gradient through a unit vector: (g - u*(u.g)) / length.
inline void unit_backward(const float* unit_vector, const float* gradient, float inverse, bf16* out) {
  float along = dot(unit_vector, gradient);
  for (int i = 0; i < kHead; i++) out[i] = narrow((gradient[i] - unit_vector[i] * along) * inverse);
}

struct DeltaScratch {
  std::vector<float> checkpoints, states, errors;
  float state[kHead * kHead], gradient[kHead * kHead];
};

void delta_backward_token(const DeltaInput& in, const DeltaGradient& out, int row, int head, const float* before,
                          const float* after, const float* error, float* gradient) {
  float query[kHead], key[kHead];
  float query_inverse = unit(in.query(row, head), 1.0f, query), key_inverse = unit(in.key(row, head), 1.0f, key);
  float decay = std::exp(in.log_decay[row * in.heads + head]), beta = in.beta[row * in.heads + head];
  const float scale = 1.0f / std::sqrt(float(kHead));
  float out_gradient[kHead], change_gradient[kHead] = {}, query_gradient[kHead], key_gradient[kHead],
                             error_gradient[kHead];
  for (int j = 0; j < kHead; j++) out_gradient[j] = out.out[(size_t(row) * in.heads + head) * kHead + j] * scale;
  for (int i = 0; i < kHead; i++) {
    query_gradient[i] = dot(after + i * kHead, out_gradient);
    float* line = gradient + i * kHead;
    for (int j = 0; j < kHead; j++) {
      line[j] += query[i] * out_gradient[j];
      change_gradient[j] += line[j] * key[i];
    }
  }
  float beta_gradient = dot(change_gradient, error);
  for (int j = 0; j < kHead; j++) error_gradient[j] = beta * change_gradient[j];
  float decay_gradient = 0;
  for (int i = 0; i < kHead; i++) {
    float* line = gradient + i * kHead;
    const float* old = before + i * kHead;
    key_gradient[i] = beta * dot(line, error) - decay * dot(old, error_gradient);
    float sum = 0;
    for (int j = 0; j < kHead; j++) {
      float total = line[j] - key[i] * error_gradient[j];
      sum += total * old[j];
      line[j] = decay * total;
    }
    decay_gradient += sum;
  }
  size_t base = (size_t(row) * 3 * in.heads + head) * kHead;
  unit_backward(query, query_gradient, query_inverse, out.mixed + base);
  unit_backward(key, key_gradient, key_inverse, out.mixed + base + in.heads * kHead);
  for (int j = 0; j < kHead; j++) out.mixed[base + 2 * in.heads * kHead + j] = narrow(error_gradient[j]);
  out.log_decay[row * in.heads + head] = decay_gradient * decay;
  out.beta[row * in.heads + head] = beta_gradient;
}

void delta_advance(const DeltaInput& in, int row, int head, float* state, float* error) {
  float key[kHead];
  unit(in.key(row, head), 1.0f, key);
  int at = row * in.heads + head;
  delta_step(state, key, in.value(row, head), std::exp(in.log_decay[at]), in.beta[at], error);
}

void delta_backward_document(const DeltaInput& in, const DeltaGradient& out, int first, int end, int head,
                             DeltaScratch& s) {
  const int size = kHead * kHead, chunks = (end - first + kStride - 1) / kStride;
  s.checkpoints.resize(size_t(chunks) * size);
  s.states.resize(size_t(kStride + 1) * size);
  s.errors.resize(size_t(kStride) * kHead);
  std::memset(s.state, 0, sizeof s.state);
  std::memset(s.gradient, 0, sizeof s.gradient);
  for (int row = first; row < first + (chunks - 1) * kStride; row++) {
    if ((row - first) % kStride == 0)
      std::memcpy(&s.checkpoints[size_t(row - first) / kStride * size], s.state, sizeof s.state);
    delta_advance(in, row, head, s.state, s.errors.data());
  }
  std::memcpy(&s.checkpoints[size_t(chunks - 1) * size], s.state, sizeof s.state);
  for (int chunk = chunks - 1; chunk >= 0; chunk--) {
    int begin = first + chunk * kStride, stop = std::min(begin + kStride, end);
    std::memcpy(s.states.data(), &s.checkpoints[size_t(chunk) * size], sizeof s.state);
    for (int row = begin; row < stop; row++) {
      float* next = &s.states[size_t(row - begin + 1) * size];
      std::memcpy(next, next - size, sizeof s.state);
      delta_advance(in, row, head, next, &s.errors[size_t(row - begin) * kHead]);
    }
    for (int row = stop - 1; row >= begin; row--) {
      const float* before = &s.states[size_t(row - begin) * size];
      delta_backward_token(in, out, row, head, before, before + size, &s.errors[size_t(row - begin) * kHead],
                           s.gradient);
    }
  }
}

// Attention of one query row over base rows first..last of its document and `extra` rows of the same index (MTP drafts).
struct AttentionInput {
  const float *query, *key, *value;  // [rows][heads*64], [rows][kv_heads*64]
  const float *extra_key, *extra_value;  // [extra][rows][kv_heads*64]
  int rows, heads, kv_heads, extra;
  size_t kv(int row, int head) const { return (size_t(row) * kv_heads + head * kv_heads / heads) * kHead; }
  size_t step() const { return size_t(rows) * kv_heads * kHead; }
};

// Softmax weights of `row`; returns how many.
int attention_weights(const AttentionInput& in, int row, int head, int first, float* weights) {
  const float* query = in.query + (size_t(row) * in.heads + head) * kHead;
  const float scale = 1.0f / std::sqrt(float(kHead));
  int count = 0;
  for (int other = first; other <= row; other++) weights[count++] = scale * dot(query, in.key + in.kv(other, head));
  for (int e = 0; e < in.extra; e++)
    weights[count++] = scale * dot(query, in.extra_key + e * in.step() + in.kv(row, head));
  float highest = -1e30f, sum = 0;
  for (int i = 0; i < count; i++) highest = std::max(highest, weights[i]);
  for (int i = 0; i < count; i++) weights[i] = std::exp(weights[i] - highest);
  for (int i = 0; i < count; i++) sum += weights[i];
  for (int i = 0; i < count; i++) weights[i] /= sum;
  return count;
}
}  // namespace

extern "C" {

void delta_forward(const bf16* mixed, const float* log_decay, const float* beta, const int* offsets, int documents,
                   int heads, float* out) {
  DeltaInput in{mixed, log_decay, beta, heads};
#pragma omp parallel for schedule(dynamic)
  for (int job = 0; job < documents * heads; job++) {
    int document = job / heads, head = job % heads;
    float state[kHead * kHead] = {}, error[kHead], query[kHead];
    for (int row = offsets[document]; row < offsets[document + 1]; row++) {
      delta_advance(in, row, head, state, error);
      unit(in.query(row, head), 1.0f / std::sqrt(float(kHead)), query);
      float sum[kHead] = {};
      for (int i = 0; i < kHead; i++)
        for (int j = 0; j < kHead; j++) sum[j] += state[i * kHead + j] * query[i];
      std::memcpy(out + (size_t(row) * heads + head) * kHead, sum, sizeof sum);
    }
  }
}

void delta_backward(const bf16* mixed, const float* log_decay, const float* beta, const float* out_gradient,
                    const int* offsets, int documents, int heads, bf16* mixed_gradient, float* log_decay_gradient,
                    float* beta_gradient) {
  DeltaInput in{mixed, log_decay, beta, heads};
  DeltaGradient out{out_gradient, mixed_gradient, log_decay_gradient, beta_gradient};
#pragma omp parallel
  {
    DeltaScratch scratch;
#pragma omp for schedule(dynamic)
    for (int job = 0; job < documents * heads; job++)
      delta_backward_document(in, out, offsets[job / heads], offsets[job / heads + 1], job % heads, scratch);
  }
}

// Depthwise causal convolution of width 4 and SiLU; taps oldest first: weight [channels][4].
void convolution_forward(const bf16* in, const float* weight, const int* offsets, int documents, int channels,
                         bf16* out) {
  std::vector<float> taps(size_t(4) * channels);
  for (int c = 0; c < channels; c++)
    for (int t = 0; t < 4; t++) taps[size_t(t) * channels + c] = weight[c * 4 + t];
#pragma omp parallel
  {
    std::vector<float> sums(channels);
    float* sum = sums.data();
#pragma omp for
    for (int document = 0; document < documents; document++)
      for (int row = offsets[document]; row < offsets[document + 1]; row++) {
        const int reach = std::min(3, row - offsets[document]);
        std::fill(sums.begin(), sums.end(), 0.0f);
        for (int back = 0; back <= reach; back++) {
          const bf16* now = in + size_t(row - back) * channels;
          const float* tap = taps.data() + size_t(3 - back) * channels;
          for (int c = 0; c < channels; c++) sum[c] += tap[c] * widen(now[c]);
        }
        bf16* line = out + size_t(row) * channels;
        for (int c = 0; c < channels; c++) line[c] = narrow(sum[c] * sigmoid(sum[c]));
      }
  }
}

void convolution_backward(const bf16* in, const float* weight, const bf16* out_gradient, const int* offsets,
                          int documents, int channels, bf16* in_gradient, float* weight_gradient) {
  constexpr int kBlock = 64;
#pragma omp parallel for schedule(dynamic)
  for (int start = 0; start < channels; start += kBlock) {
    float taps[4][kBlock], tap_gradient[4][kBlock] = {};
    for (int c = 0; c < kBlock; c++)
      for (int t = 0; t < 4; t++) taps[t][c] = weight[(start + c) * 4 + t];
    for (int document = 0; document < documents; document++) {
      float pending[4][kBlock] = {};  // gradient of input rows row..row-3 gathered so far
      for (int row = offsets[document + 1] - 1; row >= offsets[document]; row--) {
        const int reach = std::min(3, row - offsets[document]);
        const bf16* now = in + size_t(row) * channels + start;
        const bf16* gradient = out_gradient + size_t(row) * channels + start;
        float sum[kBlock], slope[kBlock];
        for (int c = 0; c < kBlock; c++) sum[c] = taps[3][c] * widen(now[c]);
        for (int back = 1; back <= reach; back++)
          for (int c = 0; c < kBlock; c++) sum[c] += taps[3 - back][c] * widen(now[c - back * channels]);
        for (int c = 0; c < kBlock; c++) {
          float s = sigmoid(sum[c]);
          slope[c] = widen(gradient[c]) * s * (1 + sum[c] * (1 - s));
        }
        for (int back = 0; back <= reach; back++)
          for (int c = 0; c < kBlock; c++) {
            tap_gradient[3 - back][c] += slope[c] * widen(now[c - back * channels]);
            pending[back][c] += slope[c] * taps[3 - back][c];
          }
        for (int c = 0; c < kBlock; c++) in_gradient[size_t(row) * channels + start + c] = narrow(pending[0][c]);
        std::memmove(pending[0], pending[1], 3 * sizeof pending[0]);
        std::memset(pending[3], 0, sizeof pending[3]);
      }
    }
    for (int c = 0; c < kBlock; c++)
      for (int t = 0; t < 4; t++) weight_gradient[(start + c) * 4 + t] = tap_gradient[t][c];
  }
}

void attention_forward(const float* query, const float* key, const float* value, const float* extra_key,
                       const float* extra_value, const int* offsets, int documents, int rows, int heads, int kv_heads,
                       int extra, float* out) {
  AttentionInput in{query, key, value, extra_key, extra_value, rows, heads, kv_heads, extra};
#pragma omp parallel for schedule(dynamic)
  for (int job = 0; job < documents * heads; job++) {
    int head = job % heads, first = offsets[job / heads], end = offsets[job / heads + 1];
    std::vector<float> weights(end - first + extra);
    for (int row = first; row < end; row++) {
      attention_weights(in, row, head, first, weights.data());
      float sum[kHead] = {};
      for (int other = first; other <= row; other++)
        for (int j = 0; j < kHead; j++) sum[j] += weights[other - first] * value[in.kv(other, head) + j];
      for (int e = 0; e < extra; e++)
        for (int j = 0; j < kHead; j++)
          sum[j] += weights[row + 1 - first + e] * extra_value[e * in.step() + in.kv(row, head) + j];
      std::memcpy(out + (size_t(row) * heads + head) * kHead, sum, sizeof sum);
    }
  }
}

// Gradients of keys and values are added to what is there: heads that share a key head take turns.
void attention_backward(const float* query, const float* key, const float* value, const float* extra_key,
                        const float* extra_value, const float* out_gradient, const int* offsets, int documents,
                        int rows, int heads, int kv_heads, int extra, float* query_gradient, float* key_gradient,
                        float* value_gradient, float* extra_key_gradient, float* extra_value_gradient) {
  AttentionInput in{query, key, value, extra_key, extra_value, rows, heads, kv_heads, extra};
  const float scale = 1.0f / std::sqrt(float(kHead));
#pragma omp parallel for schedule(dynamic)
  for (int document = 0; document < documents; document++) {
    const int first = offsets[document], end = offsets[document + 1];
    std::vector<float> weights(end - first + extra), slopes(end - first + extra);
    for (int head = 0; head < heads; head++)
      for (int row = first; row < end; row++) {
        const int count = attention_weights(in, row, head, first, weights.data());
        const size_t at = (size_t(row) * heads + head) * kHead;
        auto shift = [&](int i) {
          return i <= row - first ? in.kv(first + i, head) : (i - (row - first) - 1) * in.step() + in.kv(row, head);
        };
        float mean = 0, sum[kHead] = {};
        for (int i = 0; i < count; i++) {
          slopes[i] = dot(out_gradient + at, (i <= row - first ? value : extra_value) + shift(i));
          mean += slopes[i] * weights[i];
        }
        for (int i = 0; i < count; i++) {
          const bool base = i <= row - first;
          const size_t other = shift(i);
          const float slope = weights[i] * (slopes[i] - mean) * scale;
          const float* k = (base ? key : extra_key) + other;
          float* k_gradient = (base ? key_gradient : extra_key_gradient) + other;
          float* v_gradient = (base ? value_gradient : extra_value_gradient) + other;
          for (int j = 0; j < kHead; j++) {
            sum[j] += slope * k[j];
            k_gradient[j] += slope * query[at + j];
            v_gradient[j] += weights[i] * out_gradient[at + j];
          }
        }
        std::memcpy(query_gradient + at, sum, sizeof sum);
      }
  }
}

// out = x / rms(x) * weight, f32 or bf16 out; one row is `width` values.
void norm_forward(const float* x, const float* weight, int rows, int width, bf16* narrow_out, float* wide_out) {
#pragma omp parallel for
  for (int row = 0; row < rows; row++) {
    const float* in = x + size_t(row) * width;
    float sum = 0;
    for (int i = 0; i < width; i++) sum += in[i] * in[i];
    const float inverse = 1.0f / std::sqrt(sum / width + kTiny);
    if (narrow_out)
      for (int i = 0; i < width; i++) narrow_out[size_t(row) * width + i] = narrow(in[i] * inverse * weight[i]);
    else
      for (int i = 0; i < width; i++) wide_out[size_t(row) * width + i] = in[i] * inverse * weight[i];
  }
}

void norm_backward(const float* x, const float* weight, const bf16* narrow_gradient, const float* wide_gradient,
                   int rows, int width, float* x_gradient, float* weight_gradient) {
#pragma omp parallel
  {
    std::vector<float> sums(width), gradient(width);
#pragma omp for
    for (int row = 0; row < rows; row++) {
      const float* in = x + size_t(row) * width;
      const size_t at = size_t(row) * width;
      if (narrow_gradient)
        for (int i = 0; i < width; i++) gradient[i] = widen(narrow_gradient[at + i]);
      else std::memcpy(gradient.data(), wide_gradient + at, width * sizeof(float));
      float square = 0, along = 0;
      for (int i = 0; i < width; i++) square += in[i] * in[i];
      const float inverse = 1.0f / std::sqrt(square / width + kTiny);
      for (int i = 0; i < width; i++) along += gradient[i] * weight[i] * in[i];
      along *= inverse * inverse * inverse / width;
      for (int i = 0; i < width; i++) {
        sums[i] += gradient[i] * in[i] * inverse;
        x_gradient[at + i] = gradient[i] * weight[i] * inverse - in[i] * along;
      }
    }
#pragma omp critical
    for (int i = 0; i < width; i++) weight_gradient[i] += sums[i];
  }
}

// out = silu(gate) * up, rows of [gate | up].
void swiglu_forward(const bf16* in, int rows, int width, bf16* out) {
#pragma omp parallel for
  for (int row = 0; row < rows; row++) {
    const bf16 *gate = in + size_t(row) * 2 * width, *up = gate + width;
    for (int i = 0; i < width; i++) {
      float g = widen(gate[i]);
      out[size_t(row) * width + i] = narrow(g * sigmoid(g) * widen(up[i]));
    }
  }
}

void swiglu_backward(const bf16* in, const bf16* out_gradient, int rows, int width, bf16* in_gradient) {
#pragma omp parallel for
  for (int row = 0; row < rows; row++) {
    const bf16 *gate = in + size_t(row) * 2 * width, *up = gate + width;
    bf16 *gate_gradient = in_gradient + size_t(row) * 2 * width, *up_gradient = gate_gradient + width;
    for (int i = 0; i < width; i++) {
      float g = widen(gate[i]), s = sigmoid(g), d = widen(out_gradient[size_t(row) * width + i]);
      gate_gradient[i] = narrow(d * widen(up[i]) * s * (1 + g * (1 - s)));
      up_gradient[i] = narrow(d * g * s);
    }
  }
}

// Weighted cross entropy; the logits are replaced by their gradient. Returns the sum of weight*loss; hits gets argmax==label.
double cross_entropy(bf16* logits, const int64_t* labels, const float* weights, int rows, int vocabulary,
                     uint8_t* hits) {
  double total = 0;
#pragma omp parallel for reduction(+ : total)
  for (int row = 0; row < rows; row++) {
    bf16* line = logits + size_t(row) * vocabulary;
    float highest = -1e30f, sum = 0;
    for (int i = 0; i < vocabulary; i++) highest = std::max(highest, widen(line[i]));
    for (int i = 0; i < vocabulary; i++) sum += std::exp(widen(line[i]) - highest);
    const float at_label = widen(line[labels[row]]) - highest, scale = weights[row] / sum;
    hits[row] = at_label >= 0;
    total += double(weights[row]) * (std::log(sum) - at_label);
    for (int i = 0; i < vocabulary; i++) line[i] = narrow(std::exp(widen(line[i]) - highest) * scale);
    line[labels[row]] = narrow(std::exp(at_label) * scale - weights[row]);
  }
  return total;
}
}

#include <algorithm>

#include "device/reference/reference_device.h"

namespace paceline {

namespace {

// Rows [0, count) of one head of a KV slab, decoded.
std::vector<float> decode_head(const OwnedTensor& slab, int count, int head, int head_dim) {
  const QuantType type = slab.dtype == DType::F32   ? QuantType::F32
                         : slab.dtype == DType::F16 ? QuantType::F16
                                                    : QuantType::Q8_0;
  std::vector<float> row(static_cast<size_t>(slab.cols)), out;
  for (int position = 0; position < count; ++position) {
    const auto* bytes =
        static_cast<const std::byte*>(slab.data) + static_cast<size_t>(position) * row_bytes(type, slab.cols);
    format_info(type).decode(bytes, row.data(), row.size());
    out.insert(out.end(), row.begin() + head * head_dim, row.begin() + (head + 1) * head_dim);
  }
  return out;
}

// out = softmax(scale * K q) V over `count` positions.
void attend(float* out, const float* q, const float* keys, const float* values, int count,
            const AttentionShape& shape) {
  const int dim = shape.head_dim;
  std::vector<double> weights(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i)
    weights[static_cast<size_t>(i)] = static_cast<double>(shape.scale) *
                                      reference::dot(q, keys + static_cast<size_t>(i) * static_cast<size_t>(dim), dim);
  const double best = *std::max_element(weights.begin(), weights.end());
  double sum = 0;
  for (double& weight : weights) sum += weight = std::exp(weight - best);
  for (int d = 0; d < dim; ++d) {
    double mixed = 0;
    for (int i = 0; i < count; ++i) mixed += weights[static_cast<size_t>(i)] * static_cast<double>(values[i * dim + d]);
    out[d] = static_cast<float>(mixed / sum);
  }
}

}  // namespace

void ReferenceDevice::rotate(Tensor x, const Batch& batch, const RotaryShape& shape) {
  checks::rotate(x, batch, shape);
  const int half = shape.dims / 2;
  for (const Segment& segment : batch.segments)
    for (int i = 0; i < segment.row_count * shape.head_count; ++i) {
      float* head = x.f32(segment.first_row * shape.head_count + i);
      const int position = segment.first_position + i / shape.head_count;
      for (int s = 0; s < half; ++s) {
        const double angle = position * std::pow(shape.base, -2.0 * s / shape.dims);
        const float cosine = static_cast<float>(std::cos(angle)), sine = static_cast<float>(std::sin(angle));
        const float a = head[s], b = head[s + half];
        head[s] = a * cosine - b * sine;
        head[s + half] = a * sine + b * cosine;
      }
    }
}

void ReferenceDevice::attention(Tensor out, Tensor q, const Batch& batch, int layer, const AttentionShape& shape) {
  checks::attention(out, q, batch, layer, shape);
  const int dim = shape.head_dim, group = shape.head_count / shape.head_count_kv;
  for (const Segment& segment : batch.segments) {
    const KvCache& cache = segment.state->kv(layer);
    const int end = segment.first_position + segment.row_count;
    for (int kv_head = 0; kv_head < shape.head_count_kv; ++kv_head) {
      const std::vector<float> keys = decode_head(cache.k, end, kv_head, dim),
                               values = decode_head(cache.v, end, kv_head, dim);
      for (int i = 0; i < segment.row_count; ++i)
        for (int head = kv_head * group; head < (kv_head + 1) * group; ++head) {
          const int row = segment.first_row + i;
          attend(out.f32(row) + head * dim, q.f32(row * shape.head_count + head), keys.data(), values.data(),
                 segment.first_position + i + 1, shape);
        }
    }
  }
}

}  // namespace paceline

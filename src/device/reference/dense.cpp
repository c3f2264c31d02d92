#include <algorithm>

#include "device/reference/reference_device.h"

namespace paceline {

namespace reference {

double dot(const float* a, const float* b, int count) {
  double sum = 0;
  for (int i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

}  // namespace reference

void ReferenceDevice::embed(Tensor out, const Weight& table, Tensor tokens) {
  checks::embed(out, table, tokens);
  for (int row = 0; row < out.rows; ++row) {
    const int token = *tokens.i32(row);
    PACELINE_ASSERT(token >= 0 && token < table.rows);
    static_cast<const ReferenceWeight&>(table).decode_row(0, token, out.f32(row));
  }
}

void ReferenceDevice::rms_norm(Tensor out, Tensor x, Tensor weight, float eps) {
  checks::rms_norm(out, x, weight);
  for (int row = 0; row < x.rows; ++row) {
    const float* in = x.f32(row);
    const double mean = reference::dot(in, in, x.cols) / x.cols;
    const float scale = static_cast<float>(1.0 / std::sqrt(mean + static_cast<double>(eps)));
    for (int i = 0; i < x.cols; ++i) out.f32(row)[i] = in[i] * scale * weight.f32()[i];
  }
}

void ReferenceDevice::project(std::span<const Tensor> out, Tensor x, std::span<const Weight* const> weights) {
  checks::project(out, x, weights);
  std::vector<float> weight_row(static_cast<size_t>(x.cols));
  for (size_t i = 0; i < out.size(); ++i) {
    const auto& weight = static_cast<const ReferenceWeight&>(*weights[i]);
    for (int feature = 0; feature < weight.rows; ++feature) {
      weight.decode_row(0, feature, weight_row.data());
      for (int row = 0; row < x.rows; ++row)
        out[i].f32(row)[feature] = static_cast<float>(reference::dot(weight_row.data(), x.f32(row), x.cols));
    }
  }
}

void ReferenceDevice::project_add(Tensor out, Tensor x, const Weight& weight) {
  checks::project_add(out, x, weight);
  std::vector<float> weight_row(static_cast<size_t>(x.cols));
  for (int feature = 0; feature < weight.rows; ++feature) {
    static_cast<const ReferenceWeight&>(weight).decode_row(0, feature, weight_row.data());
    for (int row = 0; row < x.rows; ++row)
      out.f32(row)[feature] += static_cast<float>(reference::dot(weight_row.data(), x.f32(row), x.cols));
  }
}

void ReferenceDevice::swiglu(Tensor out, Tensor gate, Tensor up) {
  checks::same_shape(out, gate);
  checks::same_shape(out, up);
  for (int row = 0; row < out.rows; ++row)
    for (int i = 0; i < out.cols; ++i) out.f32(row)[i] = reference::silu(gate.f32(row)[i]) * up.f32(row)[i];
}

void ReferenceDevice::sigmoid_gate(Tensor x, Tensor gate) {
  checks::same_shape(x, gate);
  for (int row = 0; row < x.rows; ++row)
    for (int i = 0; i < x.cols; ++i) x.f32(row)[i] *= reference::sigmoid(gate.f32(row)[i]);
}

void ReferenceDevice::gated_rms_norm(Tensor out, Tensor x, Tensor weight, Tensor z, float eps) {
  checks::same_shape(out, z);
  rms_norm(out, x, weight, eps);
  for (int row = 0; row < out.rows; ++row)
    for (int i = 0; i < out.cols; ++i) out.f32(row)[i] *= reference::silu(z.f32(row)[i]);
}

void ReferenceDevice::argmax(Tensor ids, Tensor logits) {
  checks::argmax(ids, logits);
  for (int row = 0; row < logits.rows; ++row) {
    const float* values = logits.f32(row);
    *ids.i32(row) = static_cast<int32_t>(std::max_element(values, values + logits.cols) - values);
  }
}

}  // namespace paceline

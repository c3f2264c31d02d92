#include <algorithm>
#include <numeric>

#include "device/reference/reference_device.h"

namespace paceline {

namespace {

constexpr double kLeastShareSum = 6.1e-5;  // spec 6

std::vector<float> apply(const ReferenceWeight& weight, int expert, const float* x) {
  std::vector<float> row(static_cast<size_t>(weight.cols)), out(static_cast<size_t>(weight.rows));
  for (int feature = 0; feature < weight.rows; ++feature) {
    weight.decode_row(expert, feature, row.data());
    out[static_cast<size_t>(feature)] = static_cast<float>(reference::dot(row.data(), x, weight.cols));
  }
  return out;
}

}  // namespace

void ReferenceDevice::route(Tensor ids, Tensor shares, Tensor logits, const ExpertShape& shape) {
  checks::route(ids, shares, logits, shape);
  std::vector<int> order(static_cast<size_t>(shape.expert_count));
  std::vector<double> probability(order.size());
  for (int row = 0; row < logits.rows; ++row) {
    const float* values = logits.f32(row);
    const double best = *std::max_element(values, values + logits.cols);
    double sum = 0;
    for (size_t e = 0; e < order.size(); ++e) sum += probability[e] = std::exp(values[e] - best);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return values[a] > values[b]; });
    double used = 0;
    for (int i = 0; i < shape.used_count; ++i)
      used += probability[static_cast<size_t>(order[static_cast<size_t>(i)])] / sum;
    for (int i = 0; i < shape.used_count; ++i) {
      const int expert = order[static_cast<size_t>(i)];
      ids.i32(row)[i] = expert;
      shares.f32(row)[i] =
          static_cast<float>(probability[static_cast<size_t>(expert)] / sum / std::max(used, kLeastShareSum));
    }
  }
}

void ReferenceDevice::project_experts(Tensor out, Tensor x, Tensor ids, Tensor shares, const ExpertWeights& weights) {
  checks::project_experts(out, x, ids, shares, weights);
  const auto& gate = static_cast<const ReferenceWeight&>(*weights.gate);
  const auto& up = static_cast<const ReferenceWeight&>(*weights.up);
  const auto& down = static_cast<const ReferenceWeight&>(*weights.down);
  for (int row = 0; row < x.rows; ++row) {
    std::vector<double> sum(static_cast<size_t>(x.cols));
    for (int rank = 0; rank < ids.cols; ++rank) {
      const int expert = ids.i32(row)[rank];
      std::vector<float> inner = apply(gate, expert, x.f32(row));
      const std::vector<float> raised = apply(up, expert, x.f32(row));
      for (size_t i = 0; i < inner.size(); ++i) inner[i] = reference::silu(inner[i]) * raised[i];
      const std::vector<float> result = apply(down, expert, inner.data());
      for (size_t i = 0; i < sum.size(); ++i)
        sum[i] += static_cast<double>(shares.f32(row)[rank]) * static_cast<double>(result[i]);
    }
    for (size_t i = 0; i < sum.size(); ++i) out.f32(row)[i] += static_cast<float>(sum[i]);
  }
}

void ReferenceDevice::add_shared_expert(Tensor out, Tensor shared, Tensor x, Tensor gate) {
  checks::same_shape(out, shared);
  for (int row = 0; row < out.rows; ++row) {
    const float share = reference::sigmoid(static_cast<float>(reference::dot(x.f32(row), gate.f32(), x.cols)));
    for (int i = 0; i < out.cols; ++i) out.f32(row)[i] += share * shared.f32(row)[i];
  }
}

}  // namespace paceline

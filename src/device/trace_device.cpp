#include "device/trace_device.h"

#include <cstring>
#include <vector>

#include "base/random.h"

namespace paceline {

namespace {

std::string hash_text(const std::vector<uint32_t>& words) {
  uint64_t hash = words.size();
  for (const uint32_t word : words) hash = mix64(hash ^ word);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (size_t i = 0; i < 16; ++i) text[15 - i] = kDigits[(hash >> (4 * i)) & 15];
  return text;
}

}  // namespace

TraceDevice::TraceDevice(Device& inner, std::function<void(const std::string&)> line)
    : ForwardingDevice(inner), line_(std::move(line)) {}

void TraceDevice::record(const char* operation, Tensor out) {
  std::vector<uint32_t> words(static_cast<size_t>(out.cols));
  for (int row = 0; row < out.rows; ++row) {
    inner_.read(words.data(), out.row_range(row, 1));
    line_(cat(operation_count_, " ", operation, " row ", row, " ", hash_text(words)));
  }
  ++operation_count_;
}

void TraceDevice::embed(Tensor out, const Weight& table, Tensor tokens) {
  inner_.embed(out, table, tokens);
  record("embed", out);
}

void TraceDevice::rms_norm(Tensor out, Tensor x, Tensor weight, float eps) {
  inner_.rms_norm(out, x, weight, eps);
  record("rms_norm", out);
}

void TraceDevice::project(std::span<const Tensor> out, Tensor x, std::span<const Weight* const> weights) {
  inner_.project(out, x, weights);
  for (size_t i = 0; i < out.size(); ++i) record(cat("project.", i).c_str(), out[i]);
}

void TraceDevice::project_add(Tensor out, Tensor x, const Weight& weight) {
  inner_.project_add(out, x, weight);
  record("project_add", out);
}

void TraceDevice::swiglu(Tensor out, Tensor gate, Tensor up) {
  inner_.swiglu(out, gate, up);
  record("swiglu", out);
}

void TraceDevice::sigmoid_gate(Tensor x, Tensor gate) {
  inner_.sigmoid_gate(x, gate);
  record("sigmoid_gate", x);
}

void TraceDevice::rotate(Tensor x, const Batch& batch, const RotaryShape& shape) {
  inner_.rotate(x, batch, shape);
  record("rotate", x);
}

void TraceDevice::attention(Tensor out, Tensor q, const Batch& batch, int layer, const AttentionShape& shape) {
  inner_.attention(out, q, batch, layer, shape);
  record("attention", out);
}

void TraceDevice::conv_silu(Tensor out, Tensor u, const Batch& batch, int layer, Tensor weight) {
  inner_.conv_silu(out, u, batch, layer, weight);
  record("conv_silu", out);
}

void TraceDevice::delta_rule(Tensor out, const DeltaRuleInput& input, const Batch& batch, int layer) {
  inner_.delta_rule(out, input, batch, layer);
  record("delta_rule", out);
}

void TraceDevice::gated_rms_norm(Tensor out, Tensor x, Tensor weight, Tensor z, float eps) {
  inner_.gated_rms_norm(out, x, weight, z, eps);
  record("gated_rms_norm", out);
}

void TraceDevice::route(Tensor ids, Tensor shares, Tensor logits, const ExpertShape& shape) {
  inner_.route(ids, shares, logits, shape);
  record("route.ids", ids);
  record("route.shares", shares);
}

void TraceDevice::project_experts(Tensor out, Tensor x, Tensor ids, Tensor shares, const ExpertWeights& weights) {
  inner_.project_experts(out, x, ids, shares, weights);
  record("project_experts", out);
}

void TraceDevice::add_shared_expert(Tensor out, Tensor shared, Tensor x, Tensor gate) {
  inner_.add_shared_expert(out, shared, x, gate);
  record("add_shared_expert", out);
}

void TraceDevice::argmax(Tensor ids, Tensor logits) {
  inner_.argmax(ids, logits);
  record("argmax", ids);
}

void TraceDevice::list_candidates(Tensor out, Tensor logits, Tensor ids, std::span<const CandidateRanking> rankings) {
  inner_.list_candidates(out, logits, ids, rankings);
  record("list_candidates", out);
}

void TraceDevice::choose_drafts(Tensor out, Tensor lists, std::span<const DraftRule> rules) {
  inner_.choose_drafts(out, lists, rules);
  record("choose_drafts", out);
}

}  // namespace paceline

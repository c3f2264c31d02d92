// Embedding, projections, norms, gates, argmax.
#include "device/cpu/cpu_device.h"

namespace paceline::cpu {

void CpuDevice::embed(Tensor out, const Weight& table, Tensor tokens) {
  checks::embed(out, table, tokens);
  const auto& weight = static_cast<const CpuWeight&>(table);
  const FormatInfo& format = format_info(weight.type);
  for_rows(out.rows, out.cols, [&](int row) {
    const int token = *tokens.i32(row);
    PACELINE_ASSERT(token >= 0 && token < weight.rows);
    format.decode(weight.file_row(token), out.f32(row), static_cast<size_t>(weight.cols));
  });
}

void CpuDevice::rms_norm(Tensor out, Tensor x, Tensor weight, float eps) {
  checks::rms_norm(out, x, weight);
  for_rows(x.rows, x.cols, [&](int row) { kernels_.rms_norm(out.f32(row), x.f32(row), weight.f32(), x.cols, eps); });
}

void CpuDevice::gated_rms_norm(Tensor out, Tensor x, Tensor weight, Tensor z, float eps) {
  checks::rms_norm(out, x, weight);
  checks::same_shape(out, z);
  for_rows(x.rows, x.cols,
           [&](int row) { kernels_.gated_rms_norm(out.f32(row), x.f32(row), weight.f32(), z.f32(row), x.cols, eps); });
}

void CpuDevice::project(std::span<const Tensor> out, Tensor x, std::span<const Weight* const> weights) {
  checks::project(out, x, weights);
  Activations::Wanted wanted;
  products_.clear();
  for (size_t i = 0; i < weights.size(); ++i) {
    const auto& weight = static_cast<const CpuWeight&>(*weights[i]);
    PACELINE_ASSERT(weight.packed());
    (is_float_format(weight.type) ? wanted.floats : wanted.quantized) = true;
    products_.push_back({&weight, 0, 0, out[i].f32(), out[i].stride, false});
  }
  const int rows[] = {x.rows};
  activations_.prepare(pool_, kernels_, x, {}, rows, wanted);
  matmul_.multiply(pool_, kernels_, activations_, products_);
}

void CpuDevice::project_add(Tensor out, Tensor x, const Weight& weight) {
  checks::project_add(out, x, weight);
  const auto& packed = static_cast<const CpuWeight&>(weight);
  PACELINE_ASSERT(packed.packed());
  const bool plain = is_float_format(packed.type);
  const int rows[] = {x.rows};
  activations_.prepare(pool_, kernels_, x, {}, rows, {!plain, plain});
  const Product product{&packed, 0, 0, out.f32(), out.stride, true};
  matmul_.multiply(pool_, kernels_, activations_, {&product, 1});
}

void CpuDevice::swiglu(Tensor out, Tensor gate, Tensor up) {
  checks::same_shape(out, gate);
  checks::same_shape(out, up);
  for_pieces(out.rows, out.cols, [&](int row, int first, int count) {
    kernels_.swiglu(out.f32(row) + first, gate.f32(row) + first, up.f32(row) + first, count);
  });
}

void CpuDevice::sigmoid_gate(Tensor x, Tensor gate) {
  checks::same_shape(x, gate);
  for_pieces(x.rows, x.cols, [&](int row, int first, int count) {
    kernels_.sigmoid_gate(x.f32(row) + first, gate.f32(row) + first, count);
  });
}

// The largest of each piece, then the first piece that has the largest of all.
void CpuDevice::argmax(Tensor ids, Tensor logits) {
  checks::argmax(ids, logits);
  struct Candidate {
    float value;
    int index;
  };
  constexpr int kPiece = 16384;
  const int pieces = (logits.cols + kPiece - 1) / kPiece;
  auto* candidates = candidates_.get<Candidate>(static_cast<size_t>(logits.rows) * static_cast<size_t>(pieces));
  pool_.run(int64_t{logits.rows} * pieces, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const int first = static_cast<int>(i % pieces) * kPiece;
      Candidate& found = candidates[i];
      found.index = first + kernels_.argmax(logits.f32(static_cast<int>(i / pieces)) + first,
                                            std::min(kPiece, logits.cols - first), &found.value);
    }
  });
  for (int row = 0; row < logits.rows; ++row) {
    const Candidate* best = candidates + int64_t{row} * pieces;
    for (int piece = 1; piece < pieces; ++piece)
      if (const Candidate* other = candidates + int64_t{row} * pieces + piece; other->value > best->value) best = other;
    *ids.i32(row) = best->index;
  }
}

}  // namespace paceline::cpu

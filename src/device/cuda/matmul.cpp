#include "device/cuda/matmul.h"

#include "device/cuda/multiply.h"

namespace paceline::cuda {

namespace {

// Quantizes x when the first quantized weight asks for it.
class Rows {
 public:
  Rows(CudaContext& context, Tensor x) : context_(context), x_(x), list_{nullptr, tile_count(x.rows)} {}

  void multiply_into(Tensor out, const CudaWeight& weight, bool add) {
    const Product product{&weight, nullptr, out.f32(), out.stride, x_.rows, add};
    if (is_float_format(weight.type)) return multiply_floats(context_, product, x_, list_);
    if (activations_.blocks == nullptr) {
      auto* blocks = context_.activation_scratch.get<ActivationBlock>(activation_blocks(list_.tiles, x_.cols));
      activations_ = quantize(context_, x_, list_, blocks);
    }
    multiply(context_, product, activations_);
  }

 private:
  CudaContext& context_;
  const Tensor x_;
  const RowList list_;
  Activations activations_;
};

}  // namespace

void project(CudaContext& context, std::span<const Tensor> out, Tensor x, std::span<const Weight* const> weights) {
  if (x.rows == 0) return;
  Rows rows(context, x);
  for (size_t i = 0; i < weights.size(); ++i)
    rows.multiply_into(out[i], static_cast<const CudaWeight&>(*weights[i]), false);
}

void project_add(CudaContext& context, Tensor out, Tensor x, const CudaWeight& weight) {
  if (x.rows == 0) return;
  Rows(context, x).multiply_into(out, weight, true);
}

}  // namespace paceline::cuda

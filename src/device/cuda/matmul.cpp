#include "device/cuda/matmul.h"

#include "device/cuda/multiply.h"

namespace paceline::cuda {

namespace {

constexpr size_t kMostWeights = 16;  // that share an input

ProductRows rows_of(Tensor x, bool add) {
  return {.x = x, .list = {.tiles = tile_count(x.rows)}, .count = x.rows, .add = add};
}

}  // namespace

void project(CudaContext& context, std::span<const Tensor> out, Tensor x, std::span<const Weight* const> weights) {
  if (x.rows == 0) return;
  PACELINE_ASSERT(weights.size() <= kMostWeights);
  Product products[kMostWeights];
  for (size_t i = 0; i < weights.size(); ++i)
    products[i] = {static_cast<const CudaWeight*>(weights[i]), out[i].f32(), out[i].stride};
  multiply(context, std::span(products).first(weights.size()), rows_of(x, false));
}

void project_add(CudaContext& context, Tensor out, Tensor x, const CudaWeight& weight) {
  if (x.rows == 0) return;
  Product product{&weight, out.f32(), out.stride};
  multiply(context, std::span(&product, 1), rows_of(x, true));
}

}  // namespace paceline::cuda

#include "device/cuda/multiply.h"

#include <algorithm>

#include "device/cuda/matrix.h"

namespace paceline::cuda {

namespace {

constexpr int kMostFewTiles = 2;

// Weights of one type and width.
MultiplyTask task_of(const CudaContext& context, std::span<const Product> products, const ProductRows& rows) {
  const CudaWeight& first = *products.front().weight;
  MultiplyTask task{};
  task.panel_size = static_cast<int64_t>(first.panel_size());
  task.groups = group_count(first.cols);
  task.tiles = rows.list.tiles, task.rows = rows.count;
  task.tile_rows = std::min(rows.tile_experts != nullptr ? rows.tile_rows : rows.count, kTileRows);
  task.tile_experts = rows.tile_experts, task.sources = rows.list.sources;
  task.add = rows.add;
  task.runs = rows.runs, task.run_count = rows.run_count;
  for (size_t i = 0; i < products.size(); ++i) {
    const CudaWeight& weight = *products[i].weight;
    task.parts[i] = {weight.panels(), weight.panels_per_expert(), weight.rows, products[i].out, products[i].out_stride};
    task.all_panels += weight.panels_per_expert();
  }
  task.run_count = many_rows_runs(context, task);
  return task;
}

void multiply_split(CudaContext& context, std::span<const Product> products, const ProductRows& rows) {
  const CudaWeight& first = *products.front().weight;
  MultiplyTask task = task_of(context, products, rows);
  auto* blocks = context.split_scratch.get<SplitBlock>(static_cast<size_t>(rows.list.tiles) *
                                                       static_cast<size_t>(block_count(first.cols)));
  split_rows(context, first.type, rows.x, rows.list, blocks);
  task.split_rows = blocks;
  multiply_sixteen_bits(context, first.type, task);
}

void multiply_quantized(CudaContext& context, std::span<const Product> products, const ProductRows& rows,
                        const Activations& activations) {
  const CudaWeight& first = *products.front().weight;
  PACELINE_ASSERT(activations.groups == group_count(first.cols));
  MultiplyTask task = task_of(context, products, rows);
  task.activations = activations.blocks;
  switch (first.type) {
    case QuantType::Q8_0: return multiply_q8_0(context, task);
    case QuantType::Q4_0: return multiply_q4_0(context, task);
    case QuantType::Q4_1: return multiply_q4_1(context, task);
    case QuantType::Q5_0: return multiply_q5_0(context, task);
    case QuantType::Q5_1: return multiply_q5_1(context, task);
    case QuantType::Q2_K: return multiply_q2_k(context, task);
    case QuantType::Q3_K: return multiply_q3_k(context, task);
    case QuantType::Q4_K: return multiply_q4_k(context, task);
    case QuantType::Q5_K: return multiply_q5_k(context, task);
    case QuantType::Q6_K: return multiply_q6_k(context, task);
    case QuantType::IQ4_NL: return multiply_iq4_nl(context, task);
    case QuantType::IQ4_XS: return multiply_iq4_xs(context, task);
    case QuantType::MXFP4: return multiply_mxfp4(context, task);
    case QuantType::F32:
    case QuantType::F16:
    case QuantType::BF16: PACELINE_ASSERT(!"a weight that is not quantized");
  }
}

// Rows that the operation before wrote as codes too, or none.
Activations rows_made_with_codes(CudaContext& context, std::span<const Product> products, const ProductRows& rows) {
  const bool wants_codes =
      std::any_of(products.begin(), products.end(), [](const Product& p) { return !is_float_format(p.weight->type); });
  const bool in_order = rows.list.sources == nullptr || rows.list.in_order;
  if (!wants_codes || !in_order || !context.deferred.can_encode(rows.x)) return {};
  auto* blocks = context.activation_scratch.get<ActivationBlocks>(activation_pairs(rows.list.tiles, rows.x.cols));
  context.deferred.start_with({.codes = {blocks, static_cast<unsigned>(rows.x.cols)}});
  return {blocks, rows.list.tiles, group_count(rows.x.cols)};
}

}  // namespace

int many_rows_runs(const CudaContext& context, const MultiplyTask& task) {
  if (task.tiles <= kMostFewTiles || (task.tile_experts != nullptr && task.runs == nullptr)) return 0;
  const int runs = task.runs != nullptr ? task.run_count : ceil_divide(task.tiles, kRunTiles);
  const int64_t blocks = int64_t{runs} * ceil_divide(task.all_panels, kManyPanels);
  return 2 * blocks >= context.multiprocessor_count ? runs : 0;
}

void multiply(CudaContext& context, std::span<Product> products, const ProductRows& rows) {
  Activations activations = rows_made_with_codes(context, products, rows);
  while (!products.empty()) {
    const CudaWeight& first = *products.front().weight;
    const auto others = std::partition(products.begin(), products.end(), [&](const Product& product) {
      return product.weight->type == first.type && product.weight->cols == first.cols;
    });
    const size_t alike = static_cast<size_t>(others - products.begin());
    const auto together = products.first(std::min<size_t>(alike, kMostTogether));
    products = products.subspan(together.size());
    PACELINE_ASSERT(first.cols == rows.x.cols);
    if (is_float_format(first.type)) {
      (first.type == QuantType::F32 ? multiply_floats : multiply_split)(context, together, rows);
      continue;
    }
    if (activations.blocks == nullptr) {
      const size_t count = activation_pairs(rows.list.tiles, rows.x.cols);
      activations = quantize(context, rows.x, rows.list, context.activation_scratch.get<ActivationBlocks>(count));
    }
    multiply_quantized(context, together, rows, activations);
  }
}

}  // namespace paceline::cuda

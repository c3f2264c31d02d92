#include "device/cpu/matmul.h"

#include <algorithm>

namespace paceline::cpu {

namespace {

constexpr size_t kCachedBytes = 384 << 10;   // of activations that stay in the second-level cache
constexpr size_t kClaimBytes = 128 << 10;    // of weights claimed at once: a few microseconds of memory traffic

void multiply_rows(const Kernels& kernels, const Activations& activations, const Product& product, int panel, int first,
                   int last) {
  const CpuWeight& weight = *product.weight;
  const RowRun& run = activations.run(product.run);
  const bool plain = is_float_format(weight.type);
  const TileKernel* tiles = kernels.tiles[format_index(weight.type)];
  const int step = plain ? kernels.largest_float_tile : kernels.largest_quant_tile;
  TileArguments task;
  task.panel = weight.panel(product.expert, panel);
  task.cols = weight.cols;
  task.out_stride = product.out_stride;
  task.outputs = std::min(kPanelRows, weight.rows - panel * kPanelRows);
  task.add = product.add;
  for (int row = first; row < last; row += step) {
    task.rows = std::min(step, run.count - row);
    task.activations = plain ? activations.floats(run, row) : activations.quantized(run, row);
    task.out = product.out + row * product.out_stride + int64_t{panel} * kPanelRows;
    tiles[tile_index(task.rows)](task);
  }
}

}  // namespace

Matmul::Item Matmul::item(std::span<const Product> products, const Activations& activations, int64_t index) const {
  const size_t which = static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), index) - ends_.begin());
  const Product& product = products[which];
  const int64_t local = index - (which == 0 ? 0 : ends_[which - 1]);
  const int panels = product.weight->panels_per_expert(), first = static_cast<int>(local / panels) * rows_per_item_;
  return {&product, static_cast<int>(local % panels), first,
          std::min(first + rows_per_item_, activations.run(product.run).count)};
}

void Matmul::multiply(ThreadPool& pool, const Kernels& kernels, const Activations& activations,
                      std::span<const Product> products) {
  const size_t row_bytes = static_cast<size_t>(activations.cols()) * 2;
  rows_per_item_ = static_cast<int>(std::clamp<size_t>(kCachedBytes / row_bytes / 16 * 16, 16, 256));
  ends_.clear();
  int64_t items = 0;
  size_t bytes = 0;
  for (const Product& product : products) {
    const int row_blocks = (activations.run(product.run).count + rows_per_item_ - 1) / rows_per_item_;
    items += int64_t{product.weight->panels_per_expert()} * row_blocks;
    bytes += product.weight->panel_size() * static_cast<size_t>(product.weight->panels_per_expert() * row_blocks);
    ends_.push_back(items);
  }
  if (items == 0) return;
  const int64_t per_claim = static_cast<int64_t>(kClaimBytes / (bytes / static_cast<size_t>(items) + 1)) + 1;
  const int64_t grain = std::clamp<int64_t>(items / (8 * pool.size()), 1, per_claim);
  pool.run(items, grain, [&](int64_t begin, int64_t end, int) {
    for (int64_t index = begin; index < end; ++index) {
      const Item one = item(products, activations, index);
      multiply_rows(kernels, activations, *one.product, one.panel, one.first_row, one.last_row);
    }
  });
}

}  // namespace paceline::cpu

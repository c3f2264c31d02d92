#include "device/cpu/matmul.h"

#include <algorithm>

namespace paceline::cpu {

namespace {

constexpr size_t kCachedBytes = 384 << 10;   // of activations that stay in the second-level cache
constexpr size_t kLeastStream =
    32 << 10;  // of weights that several rows read side by side: its start finds nothing prefetched
constexpr size_t kClaimBytes = 128 << 10;    // of a stream claimed at once: some microseconds of memory traffic

// Panels of one claim that are read side by side.
int streams(const Kernels& kernels, const CpuWeight& weight, int rows) {
  if (kernels.reading != WeightReading::Streams || is_float_format(weight.type)) return 1;
  return panels_together(padded_rows(std::min(rows, kernels.largest_quant_tile)), kernels.largest_quant_tile);
}

}  // namespace

void Matmul::multiply_item(const Kernels& kernels, const Activations& activations, const Item& item) {
  const CpuWeight& weight = *item.product->weight;
  const RowRun& run = activations.run(item.product->run);
  const bool plain = is_float_format(weight.type);
  const TileKernel* tiles = kernels.tiles[format_index(weight.type)];
  const int step = plain ? kernels.largest_float_tile : kernels.largest_quant_tile;
  TileArguments task;
  task.panel = weight.panel(item.product->expert, item.panel);
  task.panels = item.panels;
  task.panel_stride = static_cast<int64_t>(weight.panel_size()) * item.apart;
  task.panel_outputs = item.apart * kPanelRows;
  task.as_streams = item.as_streams;
  task.ask_ahead = kernels.reading == WeightReading::Ahead;
  task.cols = weight.cols;
  task.out_stride = item.product->out_stride;
  task.outputs = weight.rows - item.panel * kPanelRows;
  task.add = item.product->add;
  for (int row = item.first_row; row < item.last_row; row += step) {
    task.rows = std::min(step, run.count - row);
    task.activations = plain ? activations.floats(run, row) : activations.quantized(run, row);
    task.out = item.product->out + row * item.product->out_stride + int64_t{item.panel} * kPanelRows;
    tiles[tile_index(task.rows)](task);
  }
}

// The claimed items of one product and block of rows. As streams: each a run of panels, and what is left over. Otherwise the kernel gets all
// panels, and each group of rows passes over them.
void Matmul::multiply_panels(const Kernels& kernels, const Activations& activations, Item item, int count) {
  const CpuWeight& weight = *item.product->weight;
  const int rows = item.last_row - item.first_row, together = streams(kernels, weight, rows), apart = count / together;
  const int end = item.panel + count;
  if (together > 1 && (rows == 1 || static_cast<size_t>(apart) * weight.panel_size() >= kLeastStream)) {
    item.panels = together, item.apart = apart, item.as_streams = true;
    for (const int last = item.panel + apart; item.panel < last; ++item.panel)
      multiply_item(kernels, activations, item);
    item.panel += apart * (together - 1), item.apart = 1, item.as_streams = false;
  }
  item.panels = end - item.panel;
  if (item.panels > 0) multiply_item(kernels, activations, item);
}

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
  const size_t claim =
      kClaimBytes * static_cast<size_t>(streams(kernels, *products[0].weight, activations.run(products[0].run).count));
  const int64_t per_claim = static_cast<int64_t>(claim / (bytes / static_cast<size_t>(items) + 1)) + 1;
  const int64_t grain = std::clamp<int64_t>(items / (8 * pool.size()), 1, per_claim);
  pool.run(items, grain, [&](int64_t begin, int64_t end, int) {
    while (begin < end) {
      const Item first = item(products, activations, begin);
      const int count =
          static_cast<int>(std::min<int64_t>(first.product->weight->panels_per_expert() - first.panel, end - begin));
      multiply_panels(kernels, activations, first, count);
      begin += count;
    }
  });
}

}  // namespace paceline::cpu

#include "device/cpu/activations.h"

#include <algorithm>

namespace paceline::cpu {

namespace {

constexpr int kChunkBlocks = 64;  // of 32 columns: about a microsecond of work

struct Slot {
  size_t first;
  int stride;
};

// Row `row` of a run of `count` rows that starts after `before` padded rows: its first element of `per_row` and their distance.
Slot slot_of(int row, int count, size_t before, size_t per_row, int largest_tile) {
  const int group = row / largest_tile * largest_tile, tile = padded_rows(std::min(count - group, largest_tile));
  return {(before + static_cast<size_t>(group)) * per_row + static_cast<size_t>(row - group), tile};
}

size_t padded_run(int count, int largest_tile) {
  const int rest = count % largest_tile;
  return static_cast<size_t>(count - rest + (rest == 0 ? 0 : padded_rows(rest)));
}

}  // namespace

void Activations::plan(const Kernels& kernels, Tensor x, std::span<const int> order, std::span<const int> run_lengths) {
  runs_.clear();
  places_.clear();
  padded_quant_rows_ = padded_float_rows_ = 0;
  const size_t blocks = static_cast<size_t>(cols_ / kBlockColumns), cols = static_cast<size_t>(cols_);
  for (const int count : run_lengths) {
    const RowRun run{static_cast<int>(places_.size()), count, padded_quant_rows_, padded_float_rows_};
    for (int row = 0; row < count; ++row) {
      const Slot quant = slot_of(row, count, run.quant_rows, blocks, kernels.largest_quant_tile);
      const Slot plain = slot_of(row, count, run.float_rows, cols, kernels.largest_float_tile);
      const int source = order.empty() ? run.first + row : order[static_cast<size_t>(run.first + row)];
      places_.push_back({x.f32(source), quant.first, plain.first, quant.stride, plain.stride});
    }
    padded_quant_rows_ += padded_run(count, kernels.largest_quant_tile);
    padded_float_rows_ += padded_run(count, kernels.largest_float_tile);
    runs_.push_back(run);
  }
}

void Activations::fill(const Kernels& kernels, const Place& place, int first_block, int last_block, Wanted wanted) {
  const size_t first = static_cast<size_t>(first_block);
  if (wanted.quantized)
    kernels.quantize(blocks_ + place.quant_first + first * static_cast<size_t>(place.quant_stride), place.quant_stride,
                     place.source + first * kBlockColumns, std::min(last_block, cols_ / kBlockColumns) - first_block);
  if (!wanted.floats) return;
  const int last = std::min(last_block * kBlockColumns, cols_);
  for (int c = first_block * kBlockColumns; c < last; ++c)
    floats_[place.float_first + static_cast<size_t>(c) * static_cast<size_t>(place.float_stride)] = place.source[c];
}

// Rows that pad a group keep what was there: their products are computed and thrown away.
void Activations::prepare(ThreadPool& pool, const Kernels& kernels, Tensor x, std::span<const int> order,
                          std::span<const int> run_lengths, Wanted wanted) {
  cols_ = x.cols;
  plan(kernels, x, order, run_lengths);
  if (wanted.quantized)
    blocks_ = block_memory_.get<ActivationBlock>(padded_quant_rows_ * static_cast<size_t>(cols_ / kBlockColumns));
  if (wanted.floats) floats_ = float_memory_.get<float>(padded_float_rows_ * static_cast<size_t>(cols_));
  const int chunks = (cols_ + kChunkBlocks * kBlockColumns - 1) / (kChunkBlocks * kBlockColumns);
  pool.run(static_cast<int64_t>(places_.size()) * chunks, 2, [&](int64_t begin, int64_t end, int) {
    for (int64_t index = begin; index < end; ++index) {
      const int first = static_cast<int>(index % chunks) * kChunkBlocks;
      fill(kernels, places_[static_cast<size_t>(index / chunks)], first, first + kChunkBlocks, wanted);
    }
  });
}

}  // namespace paceline::cpu

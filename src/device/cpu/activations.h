#pragma once
// Rows made ready for products: quantized to int8 (and copied as floats where float weights want them), cut into groups of at most a
// kernel's rows, the rows of a group interleaved block by block so that a kernel reads one stream.
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "device/cpu/kernels.h"
#include "device/cpu/scratch.h"
#include "device/tensor.h"

namespace paceline::cpu {

// Rows that are multiplied together (all of a dense product; an expert's). Groups start afresh in each run.
struct RowRun {
  int first = 0, count = 0;  // in the order of preparation
  size_t quant_rows = 0, float_rows = 0;  // padded rows before it
};

class Activations {
 public:
  struct Wanted {
    bool quantized = false, floats = false;
  };

  // Prepares rows order[0], order[1], … of x (all rows in order when `order` is empty), cut into runs of the given lengths.
  void prepare(ThreadPool& pool, const Kernels& kernels, Tensor x, std::span<const int> order,
               std::span<const int> run_lengths, Wanted wanted);

  int cols() const { return cols_; }
  const RowRun& run(int index) const { return runs_[static_cast<size_t>(index)]; }
  // The group that starts `row` rows into the run.
  const void* quantized(const RowRun& run, int row) const {
    return blocks_ + (run.quant_rows + static_cast<size_t>(row)) * static_cast<size_t>(cols_ / kBlockColumns);
  }
  const void* floats(const RowRun& run, int row) const {
    return floats_ + (run.float_rows + static_cast<size_t>(row)) * static_cast<size_t>(cols_);
  }

 private:
  // Where a row's values go.
  struct Place {
    const float* source;
    size_t quant_first, float_first;  // index of its first block / value
    int quant_stride, float_stride;
  };

  void plan(const Kernels& kernels, Tensor x, std::span<const int> order, std::span<const int> run_lengths);
  void fill(const Kernels& kernels, const Place& place, int first_block, int last_block, Wanted wanted);

  int cols_ = 0;
  std::vector<RowRun> runs_;
  std::vector<Place> places_;
  size_t padded_quant_rows_ = 0, padded_float_rows_ = 0;
  Scratch block_memory_, float_memory_;
  ActivationBlock* blocks_ = nullptr;
  float* floats_ = nullptr;
};

}  // namespace paceline::cpu

#pragma once
// Weights in a GPU's memory: panels in fragment order (packing/fragment_layout.h) for every use, lookups too: one layout, one test of it.
#include <span>

#include "base/thread_pool.h"
#include "device/cuda/context.h"
#include "device/cuda/packing/fragment_layout.h"
#include "device/weight.h"

namespace paceline::cuda {

// Of `expert_count` matrices of rows x cols, each in panels of its own.
constexpr size_t stored_bytes(QuantType type, int rows, int cols, int expert_count) {
  const int panels = (rows + kPanelRows - 1) / kPanelRows;
  return static_cast<size_t>(expert_count) * static_cast<size_t>(panels) * panel_bytes(type, cols);
}

class CudaWeight final : public Weight {
 public:
  CudaWeight(const QuantMatrix& matrix, WeightUse use, int expert_count, std::shared_ptr<MemoryWatch> watch);
  ~CudaWeight() override;

  int expert_count() const { return expert_count_; }
  int panels_per_expert() const { return (rows + kPanelRows - 1) / kPanelRows; }
  size_t panel_size() const { return panel_bytes(type, cols); }
  size_t bytes() const { return stored_bytes(type, rows, cols, expert_count_); }
  // Panels of expert 0, then of expert 1, …: device memory.
  std::byte* panels() const {
    is_captured_ |= watch_->is_capturing;
    return static_cast<std::byte*>(memory_.data());
  }

 private:
  const int expert_count_;
  const std::shared_ptr<MemoryWatch> watch_;
  mutable bool is_captured_ = false;  // a graph may hold its address
  DeviceBytes memory_;
};

// Packs on all threads into pinned memory, two pieces of it by turns: one is being filled while the other is on its way.
class WeightLoader {
 public:
  // Threads as in DeviceOptions: 0 means as many as there are cores.
  WeightLoader(CudaContext& context, int threads);
  ~WeightLoader();

  WeightPtr load(const QuantMatrix& matrix, WeightUse use, int expert_count);

 private:
  struct Piece;
  Piece& next_piece();
  void fill(const QuantMatrix& matrix, const CudaWeight& weight, int64_t first_panel, int64_t panels, std::byte* to);

  CudaContext& context_;
  ThreadPool pool_;
  std::unique_ptr<Piece> pieces_[2];
  int turn_ = 0;
};

}  // namespace paceline::cuda

#pragma once
// Weights of the CPU device: panels (panel_layout.h) for products, the file's own rows for lookups. Packing is lossless and runs on all
// threads, each writing the panels it will later read.
#include <memory>
#include <span>

#include "base/thread_pool.h"
#include "device/cpu/panel_layout.h"
#include "device/tensor.h"
#include "device/weight.h"

namespace paceline::cpu {

class CpuWeight final : public Weight {
 public:
  CpuWeight(const QuantMatrix& matrix, WeightUse use, int expert_count);

  // Fills the panels; nothing to do for lookups.
  void pack(ThreadPool& pool);

  bool packed() const { return memory_ != nullptr; }
  int expert_count() const { return expert_count_; }
  int panels_per_expert() const { return (rows + kPanelRows - 1) / kPanelRows; }
  size_t panel_size() const { return panel_bytes(type, cols); }
  const std::byte* panel(int expert, int index) const {
    return panels_ +
           (static_cast<size_t>(expert) * static_cast<size_t>(panels_per_expert()) + static_cast<size_t>(index)) *
               panel_size();
  }
  // Row of the matrix in the file.
  const std::byte* file_row(int row) const { return file_.data() + static_cast<size_t>(row) * row_bytes(type, cols); }

 private:
  const std::span<const std::byte> file_;
  const int expert_count_;
  std::unique_ptr<Allocation> memory_;
  std::byte* panels_ = nullptr;
};

// Packs 16 rows of `cols` columns in the file's form (nullptr: a row that does not exist, packed as zeros) into a panel.
void pack_panel(QuantType type, const std::byte* const (&rows)[kPanelRows], int cols, std::byte* panel);

}  // namespace paceline::cpu

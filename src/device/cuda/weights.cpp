#include "device/cuda/weights.h"

#include <algorithm>

#include "base/cpu_info.h"
#include "device/cuda/packing/fragments.h"

namespace paceline::cuda {

namespace {

constexpr size_t kPieceBytes = size_t{16} << 20;  // at least one panel fits: a million F32 columns

}  // namespace

CudaWeight::CudaWeight(const QuantMatrix& matrix, WeightUse use, int expert_count, std::shared_ptr<MemoryWatch> watch)
    : Weight(matrix.type, matrix.rows / expert_count, matrix.cols),
      expert_count_(expert_count),
      watch_(std::move(watch)) {
  watch_->expect_no_capture("loading a weight");
  PACELINE_ASSERT(matrix.rows % expert_count == 0 && (expert_count == 1 || use == WeightUse::Experts));
  PACELINE_ASSERT(matrix.cols % format_info(matrix.type).block_size == 0);
  PACELINE_ASSERT(matrix.bytes.size() == static_cast<size_t>(matrix.rows) * row_bytes(matrix.type, matrix.cols));
  memory_ = DeviceBytes(bytes());
}

// Weights come and go with the draft vocabulary while steps are replayed; only those that a graph uses end its life.
CudaWeight::~CudaWeight() {
  if (is_captured_) ++watch_->moves;
}

// Pinned memory and the moment from which it may be written again.
struct WeightLoader::Piece {
  PinnedBytes memory{kPieceBytes};
  StreamEvent copied;
  bool under_way = false;
};

WeightLoader::WeightLoader(CudaContext& context, int threads)
    : context_(context), pool_(threads == 0 ? physical_core_count() : threads) {}

WeightLoader::~WeightLoader() = default;

WeightLoader::Piece& WeightLoader::next_piece() {
  std::unique_ptr<Piece>& piece = pieces_[turn_];
  turn_ ^= 1;
  if (piece == nullptr) piece = std::make_unique<Piece>();
  if (piece->under_way) check(cudaEventSynchronize(piece->copied), "copying weights");
  piece->under_way = false;
  return *piece;
}

void WeightLoader::fill(const QuantMatrix& matrix, const CudaWeight& weight, int64_t first_panel, int64_t panels,
                        std::byte* to) {
  const size_t row_size = row_bytes(matrix.type, matrix.cols), panel_size = weight.panel_size();
  const int per_expert = weight.panels_per_expert();
  pool_.run(panels, 4, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t panel = first_panel + i;
      const int expert = static_cast<int>(panel / per_expert),
                first = static_cast<int>(panel % per_expert) * kPanelRows;
      const std::byte* sources[kPanelRows] = {};
      for (int row = 0; row < kPanelRows && first + row < weight.rows; ++row)
        sources[row] =
            matrix.bytes.data() + static_cast<size_t>(expert * int64_t{weight.rows} + first + row) * row_size;
      pack_panel(matrix.type, sources, matrix.cols, to + static_cast<size_t>(i) * panel_size);
    }
  });
}

WeightPtr WeightLoader::load(const QuantMatrix& matrix, WeightUse use, int expert_count) {
  auto weight = std::make_unique<CudaWeight>(matrix, use, expert_count, context_.watch);
  const size_t panel_size = weight->panel_size();
  PACELINE_ASSERT(panel_size <= kPieceBytes);
  const int64_t all = int64_t{weight->panels_per_expert()} * expert_count,
                at_once = static_cast<int64_t>(kPieceBytes / panel_size);
  for (int64_t first = 0; first < all; first += at_once) {
    const int64_t panels = std::min(at_once, all - first);
    Piece& piece = next_piece();
    fill(matrix, *weight, first, panels, piece.memory.data());
    check(cudaMemcpyAsync(weight->panels() + static_cast<size_t>(first) * panel_size, piece.memory.data(),
                          static_cast<size_t>(panels) * panel_size, cudaMemcpyHostToDevice, context_.stream),
          "copying weights");
    check(cudaEventRecord(piece.copied, context_.stream), "copying weights");
    piece.under_way = true;
  }
  return weight;
}

}  // namespace paceline::cuda

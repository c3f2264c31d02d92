#include "device/cpu/pack.h"

#include <cstring>

#include "base/error.h"
#include "device/cpu/pack_formats.h"
#include "device/cpu/weight_memory.h"

namespace paceline::cpu {

namespace {

// Codes of a block of 32 columns, one row after the other.
struct Codes {
  uint8_t rows[kPanelRows][kBlockColumns];

  // Columns 4j … 4j+3 of a row.
  uint32_t four(int row, int j) const {
    uint32_t word;
    std::memcpy(&word, rows[row] + 4 * j, 4);
    return word;
  }
};

void put_word(std::byte* area, int vector, int row, uint32_t word) {
  std::memcpy(area + 64 * vector + 4 * row, &word, 4);
}

void put_bytes(const Codes& codes, std::byte* area) {
  for (int j = 0; j < 8; ++j)
    for (int row = 0; row < kPanelRows; ++row) put_word(area, j, row, codes.four(row, j));
}

void put_nibbles(const Codes& codes, std::byte* area) {
  constexpr uint32_t kMask = 0x0f0f0f0f;
  for (int v = 0; v < 4; ++v)
    for (int row = 0; row < kPanelRows; ++row)
      put_word(area, v, row, (codes.four(row, 2 * v) & kMask) | (codes.four(row, 2 * v + 1) & kMask) << 4);
}

// Bits [shift, shift + 2) of every code.
void put_pairs(const Codes& codes, int shift, std::byte* area) {
  constexpr uint32_t kMask = 0x03030303;
  for (int m = 0; m < 2; ++m)
    for (int row = 0; row < kPanelRows; ++row) {
      uint32_t word = 0;
      for (int k = 0; k < 4; ++k) word |= (codes.four(row, 4 * m + k) >> shift & kMask) << (2 * k);
      put_word(area, m, row, word);
    }
}

void put_bits(const Codes& codes, int shift, std::byte* area) {
  constexpr uint32_t kMask = 0x01010101;
  for (int row = 0; row < kPanelRows; ++row) {
    uint32_t word = 0;
    for (int j = 0; j < 8; ++j) word |= (codes.four(row, j) >> shift & kMask) << j;
    put_word(area, 0, row, word);
  }
}

template <PanelLayout kLayout>
void put_codes(const Codes& codes, std::byte* area) {
  if constexpr (kLayout.low_bits == 8) put_bytes(codes, area);
  if constexpr (kLayout.low_bits == 4) put_nibbles(codes, area);
  if constexpr (kLayout.low_bits == 2) put_pairs(codes, 0, area);
  std::byte* high = area + 64 * kLayout.low_bits;
  if constexpr (kLayout.high_bits == 1) put_bits(codes, kLayout.low_bits, high);
  if constexpr (kLayout.high_bits == 2) put_pairs(codes, kLayout.low_bits, high);
}

template <class Block>
void pack_blocks(const std::byte* const (&rows)[kPanelRows], int cols, std::byte* panel) {
  constexpr PanelLayout kLayout = panel_layout(Block::kType);
  constexpr int kBlocksInside = Block::kSize / kBlockColumns;  // blocks of 32 in a block of the file
  static_assert(kBlocksInside == 1 || kBlocksInside == kLayout.blocks_per_group);
  const int blocks = cols / kBlockColumns;
  for (int first = 0; first < blocks; first += kLayout.blocks_per_group, panel += kLayout.group_bytes())
    for (int b = 0; b < kLayout.blocks_per_group && first + b < blocks; ++b) {
      Codes codes;
      for (int row = 0; row < kPanelRows; ++row) {
        if (rows[row] == nullptr) {
          std::memset(codes.rows[row], 0, kBlockColumns);
          continue;
        }
        Block block;
        std::memcpy(&block, rows[row] + static_cast<size_t>((first + b) / kBlocksInside) * sizeof(Block),
                    sizeof(Block));
        extract_codes(block, b % kBlocksInside, codes.rows[row]);
        if (kBlocksInside == 1 || b == 0) put_scales(block, b, row, panel);
      }
      put_codes<kLayout>(codes, panel + kLayout.header_bytes + b * kLayout.code_bytes());
    }
}

template <class Element>
void pack_columns(const std::byte* const (&rows)[kPanelRows], int cols, std::byte* panel) {
  for (int row = 0; row < kPanelRows; ++row) {
    if (rows[row] == nullptr) continue;
    for (int c = 0; c < cols; ++c)
      std::memcpy(panel + (static_cast<size_t>(c) * kPanelRows + static_cast<size_t>(row)) * sizeof(Element),
                  rows[row] + static_cast<size_t>(c) * sizeof(Element), sizeof(Element));
  }
}

}  // namespace

void pack_panel(QuantType type, const std::byte* const (&rows)[kPanelRows], int cols, std::byte* panel) {
  if (type == QuantType::F32) return pack_columns<uint32_t>(rows, cols, panel);
  if (is_float_format(type)) return pack_columns<uint16_t>(rows, cols, panel);
  with_block_type(type, [&]<class Block>(std::type_identity<Block>) { pack_blocks<Block>(rows, cols, panel); });
}

CpuWeight::CpuWeight(const QuantMatrix& matrix, WeightUse use, int expert_count)
    : Weight(matrix.type, matrix.rows / expert_count, matrix.cols), file_(matrix.bytes), expert_count_(expert_count) {
  PACELINE_ASSERT(matrix.rows % expert_count == 0 && (expert_count == 1 || use == WeightUse::Experts));
  PACELINE_ASSERT(matrix.cols % format_info(matrix.type).block_size == 0);
  PACELINE_ASSERT(matrix.bytes.size() == static_cast<size_t>(matrix.rows) * row_bytes(matrix.type, matrix.cols));
  if (use == WeightUse::Embed) return;
  const size_t bytes = static_cast<size_t>(expert_count) * static_cast<size_t>(panels_per_expert()) * panel_size();
  memory_ = allocate_weight_bytes(bytes);
  panels_ = static_cast<std::byte*>(memory_->data());
}

void CpuWeight::pack(ThreadPool& pool) {
  if (!packed()) return;
  const int panels = panels_per_expert();
  pool.run(int64_t{expert_count_} * panels, 4, [&](int64_t begin, int64_t end, int) {
    for (int64_t index = begin; index < end; ++index) {
      const int expert = static_cast<int>(index / panels), first = static_cast<int>(index % panels) * kPanelRows;
      const std::byte* sources[kPanelRows] = {};
      for (int row = 0; row < kPanelRows && first + row < rows; ++row)
        sources[row] = file_row(expert * rows + first + row);
      pack_panel(type, sources, cols, panels_ + static_cast<size_t>(index) * panel_size());
    }
  });
}

}  // namespace paceline::cpu

#include "device/cuda/packing/fragments.h"

#include "base/error.h"
#include "device/cuda/packing/record_scales.h"

namespace paceline::cuda {

namespace {

constexpr int kLanes = 32;

// Codes of a block of 32 columns, one row after the other.
struct Codes {
  uint8_t rows[kPanelRows][kBlockColumns];

  // Word a_i of a lane.
  uint32_t word(int lane, int i) const {
    uint32_t out;
    std::memcpy(&out, rows[lane / 4 + 8 * (i & 1)] + 4 * (lane & 3) + 16 * (i >> 1), 4);
    return out;
  }
};

void add_word(std::byte* at, uint32_t bits) {
  uint32_t word;
  std::memcpy(&word, at, 4);
  word |= bits;
  std::memcpy(at, &word, 4);
}

// Bits [shift, shift + kBits) of the codes of block b of a group.
template <int kBits>
void put_plane(const Codes& codes, int shift, int b, std::byte* plane) {
  constexpr uint32_t kMask = 0x01010101u * ((1u << kBits) - 1);
  constexpr int kPerWord = 8 / kBits;  // words of codes that share a word of the plane
  for (int lane = 0; lane < kLanes; ++lane)
    for (int i = 0; i < 4; ++i) {
      const int place = b * 4 + i, word = place / kPerWord;  // of the lane's, counted through the whole group
      std::byte* at = plane + word / 4 * kVectorBytes + 16 * lane + 4 * (word % 4);
      add_word(at, (codes.word(lane, i) >> shift & kMask) << (place % kPerWord * kBits));
    }
}

template <FragmentLayout kLayout>
void put_codes(const Codes& codes, int b, std::byte* group) {
  put_plane<kLayout.low_bits>(codes, 0, b, group + kLayout.header_bytes());
  if constexpr (kLayout.high_bits > 0)
    put_plane<kLayout.high_bits>(codes, kLayout.low_bits, b, group + kLayout.high_offset());
}

template <class Block>
void read_row(const std::byte* row, int index, int b_in_group, int block_in_file, uint8_t* codes, RowHeader header) {
  Block block;
  std::memcpy(&block, row + static_cast<size_t>(index) * sizeof(Block), sizeof(Block));
  extract_codes(block, block_in_file, codes);
  if constexpr (Block::kType == QuantType::Q8_0)
    for (int i = 0; i < kBlockColumns; ++i) codes[i] ^= 0x80;  // signed again: the tensor cores take signed bytes
  if (block_in_file == 0) put_scales(block, b_in_group, header);
}

template <class Block>
void pack_blocks(const std::byte* const (&rows)[kPanelRows], int cols, std::byte* panel) {
  constexpr FragmentLayout kLayout = fragment_layout(Block::kType);
  constexpr int kBlocksInside = Block::kSize / kBlockColumns;  // blocks of 32 in a block of the file
  const int blocks = cols / kBlockColumns;
  for (int first = 0; first < blocks; first += kGroupBlocks, panel += kLayout.group_bytes())
    for (int b = 0; b < kGroupBlocks && first + b < blocks; ++b) {
      Codes codes = {};
      for (int row = 0; row < kPanelRows; ++row)
        if (rows[row] != nullptr)
          read_row<Block>(rows[row], (first + b) / kBlocksInside, kBlocksInside == 1 ? b : 0, b % kBlocksInside,
                          codes.rows[row],
                          {panel + 4 * row, panel + kLayout.records_offset() + row * kLayout.record_bytes});
      put_codes<kLayout>(codes, b, panel);
    }
}

void copy_blocks(const std::byte* const (&rows)[kPanelRows], size_t value_bytes, int cols, std::byte* panel) {
  for (int row = 0; row < kPanelRows; ++row)
    for (int col = 0; rows[row] != nullptr && col < cols; col += kBlockColumns)
      std::memcpy(panel + static_cast<size_t>(float_place(row, col)) * value_bytes,
                  rows[row] + static_cast<size_t>(col) * value_bytes,
                  static_cast<size_t>(std::min(kBlockColumns, cols - col)) * value_bytes);
}

}  // namespace

void pack_panel(QuantType type, const std::byte* const (&rows)[kPanelRows], int cols, std::byte* panel) {
  std::memset(panel, 0, panel_bytes(type, cols));
  if (is_float_format(type)) return copy_blocks(rows, row_bytes(type, 1), cols, panel);
  with_block_type(type, [&]<class Block>(std::type_identity<Block>) { pack_blocks<Block>(rows, cols, panel); });
}

}  // namespace paceline::cuda

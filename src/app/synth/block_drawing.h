#pragma once
// Quantized blocks without a quantizer: random payload bytes under a scale that gives the values a wanted deviation. Layouts as in
// spec section 9.2. Every block is a pure function of (key, block index), so files do not depend on the thread count.
//
// The values of a tensor have mean 0: formats whose codes are lopsided draw the sign of their scale, formats with a minimum
// get the one that centres them. A mean of a tenth of the deviation would make a rank-one matrix that drowns the rest in wide layers.
#include <cstddef>
#include <cstdint>
#include <span>

#include "quant/format.h"

namespace paceline::synth {

class BlockDrawer {
 public:
  // Values with the given standard deviation (within 10 %).
  BlockDrawer(QuantType type, float deviation);

  // Blocks [first_block, first_block + n) of the stream `key`, n = out.size() / block_bytes.
  void draw(std::span<std::byte> out, uint64_t key, uint64_t first_block) const;

 private:
  using Finish = void (*)(std::byte* block, uint64_t word, const BlockDrawer& drawer);
  friend struct BlockRecipes;

  void draw_floats(std::span<std::byte> out, uint64_t key, uint64_t first_element) const;

  QuantType type_;
  float deviation_;
  size_t block_bytes_;
  Finish finish_ = nullptr;
  // Four magnitudes around the wanted one, then their negatives, as halves; and the minima that centre the first four.
  uint16_t scale_[8] = {}, minimum_[4] = {};
  int exponent_ = 0;  // MXFP4: exponent of the smaller of two scales,
  double larger_share_ = 0;  // and how often to take the larger
};

// A block that is 1 at `element` and 0 elsewhere. IQ4_NL and IQ4_XS have no zero: their 15 or 31 neighbours are 1/127.
void spike_block(QuantType type, std::span<std::byte> block, int element);

}  // namespace paceline::synth

#pragma once
// The unsigned codes of 32 columns out of a block of the file, the same for every device that packs weights; where the codes then lie, and
// what is subtracted from them, is the device's business. `b` is the block of 32 columns within the file's block.
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/error.h"
#include "quant/iq4_nl.h"
#include "quant/iq4_xs.h"
#include "quant/mxfp4.h"
#include "quant/q2_k.h"
#include "quant/q3_k.h"
#include "quant/q4_0.h"
#include "quant/q4_1.h"
#include "quant/q4_k.h"
#include "quant/q5_0.h"
#include "quant/q5_1.h"
#include "quant/q5_k.h"
#include "quant/q6_k.h"
#include "quant/q8_0.h"

namespace paceline {

// 16 bytes to 32 codes: low nibbles first.
inline void extract_nibbles(const uint8_t* bytes, uint8_t* codes) {
  for (int i = 0; i < 16; ++i) {
    codes[i] = bytes[i] & 15;
    codes[i + 16] = bytes[i] >> 4;
  }
}

// One of the two nibbles of 32 bytes.
inline void extract_half(const uint8_t* bytes, int high, uint8_t* codes) {
  for (int i = 0; i < 32; ++i) codes[i] = static_cast<uint8_t>(bytes[i] >> (4 * high) & 15);
}

// Bit i of the little-endian u32 goes to code i as bit 4.
inline void extract_fifth_bits(const uint8_t* bits, uint8_t* codes) {
  for (int i = 0; i < 32; ++i) codes[i] = static_cast<uint8_t>(codes[i] | (bits[i >> 3] >> (i & 7) & 1) << 4);
}

inline void extract_codes(const Q8_0Block& block, int, uint8_t* codes) {
  for (int i = 0; i < 32; ++i) codes[i] = static_cast<uint8_t>(block.quants[i] + 128);
}
inline void extract_codes(const Q4_0Block& block, int, uint8_t* codes) { extract_nibbles(block.quants, codes); }
inline void extract_codes(const Q4_1Block& block, int, uint8_t* codes) { extract_nibbles(block.quants, codes); }
inline void extract_codes(const Iq4NlBlock& block, int, uint8_t* codes) { extract_nibbles(block.quants, codes); }
inline void extract_codes(const Mxfp4Block& block, int, uint8_t* codes) { extract_nibbles(block.quants, codes); }
inline void extract_codes(const Iq4XsBlock& block, int b, uint8_t* codes) {
  extract_nibbles(block.quants + 16 * b, codes);
}
inline void extract_codes(const Q5_0Block& block, int, uint8_t* codes) {
  extract_nibbles(block.quants, codes);
  extract_fifth_bits(block.high_bits, codes);
}
inline void extract_codes(const Q5_1Block& block, int, uint8_t* codes) {
  extract_nibbles(block.quants, codes);
  extract_fifth_bits(block.high_bits, codes);
}
inline void extract_codes(const Q4_KBlock& block, int b, uint8_t* codes) {
  extract_half(block.quants + 32 * (b >> 1), b & 1, codes);
}
inline void extract_codes(const Q5_KBlock& block, int b, uint8_t* codes) {
  extract_half(block.quants + 32 * (b >> 1), b & 1, codes);
  for (int i = 0; i < 32; ++i) codes[i] = static_cast<uint8_t>(codes[i] | (block.high_bits[i] >> b & 1) << 4);
}
inline void extract_codes(const Q6_KBlock& block, int b, uint8_t* codes) {
  const int half = b >> 2, k = b & 3;
  extract_half(block.low_bits + 64 * half + 32 * (k & 1), k >> 1, codes);
  for (int i = 0; i < 32; ++i)
    codes[i] = static_cast<uint8_t>(codes[i] | (block.high_bits[32 * half + i] >> (2 * k) & 3) << 4);
}
inline void extract_codes(const Q2_KBlock& block, int b, uint8_t* codes) {
  for (int i = 0; i < 32; ++i) codes[i] = static_cast<uint8_t>(block.quants[32 * (b >> 2) + i] >> (2 * (b & 3)) & 3);
}
inline void extract_codes(const Q3_KBlock& block, int b, uint8_t* codes) {
  for (int i = 0; i < 32; ++i)
    codes[i] = static_cast<uint8_t>((block.quants[32 * (b >> 2) + i] >> (2 * (b & 3)) & 3) |
                                    (block.high_bits[i] >> b & 1) << 2);
}

// Calls body(std::type_identity<Block>()) with the block in which a file stores a quantized type.
template <class Body>
void with_block_type(QuantType type, Body body) {
  switch (type) {
    case QuantType::Q8_0: return body(std::type_identity<Q8_0Block>());
    case QuantType::Q4_0: return body(std::type_identity<Q4_0Block>());
    case QuantType::Q4_1: return body(std::type_identity<Q4_1Block>());
    case QuantType::Q5_0: return body(std::type_identity<Q5_0Block>());
    case QuantType::Q5_1: return body(std::type_identity<Q5_1Block>());
    case QuantType::Q2_K: return body(std::type_identity<Q2_KBlock>());
    case QuantType::Q3_K: return body(std::type_identity<Q3_KBlock>());
    case QuantType::Q4_K: return body(std::type_identity<Q4_KBlock>());
    case QuantType::Q5_K: return body(std::type_identity<Q5_KBlock>());
    case QuantType::Q6_K: return body(std::type_identity<Q6_KBlock>());
    case QuantType::IQ4_NL: return body(std::type_identity<Iq4NlBlock>());
    case QuantType::IQ4_XS: return body(std::type_identity<Iq4XsBlock>());
    case QuantType::MXFP4: return body(std::type_identity<Mxfp4Block>());
    case QuantType::F32:
    case QuantType::F16:
    case QuantType::BF16: PACELINE_ASSERT(!"float types have no blocks");
  }
}

}  // namespace paceline

#include "app/synth/block_drawing.h"

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/random.h"

namespace paceline::synth {

namespace {

uint16_t to_half(float value) {
  uint16_t bits = 0;
  format_info(QuantType::F16).encode(&value, reinterpret_cast<std::byte*>(&bits), 1);
  return bits;
}

float from_half(uint16_t bits) {
  float value = 0;
  format_info(QuantType::F16).decode(reinterpret_cast<const std::byte*>(&bits), &value, 1);
  return value;
}

void put16(std::byte* at, uint16_t value) { std::memcpy(at, &value, sizeof value); }

// Two bits to four: each bit doubled, so that a 2-bit field is 0 or 3.
uint8_t doubled_bits(uint64_t word) {
  uint64_t out = 0;
  for (int i = 0; i < 4; ++i) out |= ((word >> i) & 1) * 3u << (2 * i);
  return static_cast<uint8_t>(out);
}

// Root mean square of a block's integer part (code minus offset, times the integer scales drawn below).
constexpr double kCodes16 = 4.609772, kCodes32 = 9.233093, kCodes4 = 1.118034;  // uniform, centred
constexpr double kSigned4 = 4.636809, kSigned5 = 9.246621, kSigned8 = 73.901;   // offset by half a code
constexpr double kSigned3 = 2.345208, kSigned6 = 18.479618;
constexpr double kTableRms = 67.4;              // of the IQ4 table
constexpr double kScale32To63 = 48.39, kScale8To15 = 11.726, kScale64To127 = 97.27;
constexpr double kScale16To32 = 24.44;          // 16 … 31 and -32 … -17
constexpr double kFloat4Rms = 5.852;            // of the MXFP4 table

}  // namespace

// The headers of each format, over a block of random bytes. `word` is random too.
struct BlockRecipes {
  using Finish = BlockDrawer::Finish;
  struct Recipe {
    QuantType type;
    double integer_rms;
    double mean_code;  // of formats with a minimum, times their integer scale / minimum ratio of 1
    Finish finish;
  };

  static void scale_first(std::byte* block, uint64_t word, const BlockDrawer& drawer) {
    put16(block, drawer.scale_[word & 7]);
  }
  static void scale_and_minimum_first(std::byte* block, uint64_t word, const BlockDrawer& drawer) {
    put16(block, drawer.scale_[word & 3]);
    put16(block + 2, drawer.minimum_[word & 3]);
  }
  static void q2_k(std::byte* block, uint64_t word, const BlockDrawer& drawer) {
    for (int i = 0; i < 16; ++i) block[i] = static_cast<std::byte>((8 + ((word >> (3 * i + 2)) & 7)) * 0x11);
    scale_and_minimum_first(block + 80, word, drawer);
  }
  static void q3_k(std::byte* block, uint64_t word, const BlockDrawer& drawer) {
    for (int i = 0; i < 4; ++i) block[104 + i] = static_cast<std::byte>(doubled_bits(word >> (4 * i + 3)));
    put16(block + 108, drawer.scale_[word & 7]);
  }
  // 8 scales of 6 bits, each equal to its minimum (Q4_K, Q5_K).
  static void q4_k(std::byte* block, uint64_t word, const BlockDrawer& drawer) {
    scale_and_minimum_first(block, word, drawer);
    for (int g = 0; g < 4; ++g) {
      const uint64_t low = 32 + ((word >> (5 * g + 2)) & 31), high = 32 + ((word >> (5 * g + 22)) & 31);
      block[4 + g] = block[8 + g] = static_cast<std::byte>(low | (high >> 4) << 6);
      block[12 + g] = static_cast<std::byte>((high & 15) * 0x11);
    }
  }
  static void q6_k(std::byte* block, uint64_t word, const BlockDrawer& drawer) {
    for (int i = 0; i < 16; ++i) {
      const int magnitude = 64 + static_cast<int>(block[192 + i]) % 64;
      block[192 + i] = static_cast<std::byte>((word >> (i + 3)) & 1 ? magnitude : -magnitude);
    }
    put16(block + 208, drawer.scale_[word & 7]);
  }
  static void iq4_xs(std::byte* block, uint64_t word, const BlockDrawer& drawer) {
    put16(block, drawer.scale_[word & 7]);
    put16(block + 2, static_cast<uint16_t>(doubled_bits(word >> 3) | doubled_bits(word >> 7) << 8));
  }
  static void mxfp4(std::byte* block, uint64_t word, const BlockDrawer& drawer) {
    block[0] = static_cast<std::byte>(drawer.exponent_ + (unit_interval(word) < drawer.larger_share_));
  }

  static const Recipe& find(QuantType type) {
    using enum QuantType;
    static constexpr Recipe kRecipes[] = {
        {Q4_0, kSigned4, 0, scale_first},
        {Q5_0, kSigned5, 0, scale_first},
        {Q8_0, kSigned8, 0, scale_first},
        {IQ4_NL, kTableRms, 0, scale_first},
        {Q4_1, kCodes16, -7.5, scale_and_minimum_first},
        {Q5_1, kCodes32, -15.5, scale_and_minimum_first},
        {Q2_K, kCodes4 * kScale8To15, 1.5, q2_k},
        {Q3_K, kSigned3 * kScale16To32, 0, q3_k},
        {Q4_K, kCodes16 * kScale32To63, 7.5, q4_k},
        {Q5_K, kCodes32 * kScale32To63, 15.5, q4_k},
        {Q6_K, kSigned6 * kScale64To127, 0, q6_k},
        {IQ4_XS, kTableRms * kScale16To32, 0, iq4_xs},
        {MXFP4, kFloat4Rms, 0, mxfp4},
    };
    for (const Recipe& recipe : kRecipes)
      if (recipe.type == type) return recipe;
    fail("synth cannot draw blocks of ", format_info(type).name);
  }
};

BlockDrawer::BlockDrawer(QuantType type, float deviation)
    : type_(type), deviation_(deviation), block_bytes_(static_cast<size_t>(format_info(type).block_bytes)) {
  if (format_info(type).block_size == 1) return;
  const BlockRecipes::Recipe& recipe = BlockRecipes::find(type);
  finish_ = recipe.finish;
  const double unit = deviation / recipe.integer_rms;
  static constexpr double kSpread[] = {0.8, 0.93, 1.05, 1.18};  // mean square 1
  for (int i = 0; i < 4; ++i) {
    scale_[i] = to_half(static_cast<float>(unit * kSpread[i]));
    scale_[4 + i] = static_cast<uint16_t>(scale_[i] | 0x8000);
    minimum_[i] = to_half(static_cast<float>(from_half(scale_[i]) * recipe.mean_code));
  }
  exponent_ = static_cast<int>(std::floor(std::log2(unit))) + 128;
  // Powers of two only: mix two neighbours so that the mean square is right.
  const double ratio = unit / std::exp2(exponent_ - 128);
  larger_share_ = (ratio * ratio - 1) / 3;
}

void BlockDrawer::draw(std::span<std::byte> out, uint64_t key, uint64_t first_block) const {
  if (finish_ == nullptr) return draw_floats(out, key, first_block);
  const size_t words = (block_bytes_ + 7) / 8;
  uint64_t random[32];
  for (size_t offset = 0; offset < out.size(); offset += block_bytes_, ++first_block) {
    const uint64_t counter = key + first_block * (words + 1);
    for (size_t i = 0; i < words; ++i) random[i] = mix64(counter + i);
    std::memcpy(out.data() + offset, random, block_bytes_);
    finish_(out.data() + offset, mix64(counter + words), *this);
  }
}

// F32, F16, BF16: uniform values of 16 random bits.
void BlockDrawer::draw_floats(std::span<std::byte> out, uint64_t key, uint64_t first_element) const {
  const FormatInfo& info = format_info(type_);
  const float step = deviation_ * std::sqrt(12.0f) / 65536;
  const size_t count = out.size() / block_bytes_;
  float values[256];
  for (size_t done = 0; done < count; done += std::size(values)) {
    const size_t n = std::min(std::size(values), count - done);
    for (size_t i = 0; i < n; ++i) {
      const uint64_t element = first_element + done + i;
      const uint64_t bits = (mix64(key + element / 4) >> (16 * (element % 4))) & 0xffff;
      values[i] = (static_cast<float>(bits) - 32767.5f) * step;
    }
    info.encode(values, out.data() + done * block_bytes_, n);
  }
}

namespace {

void or_into(std::byte& byte, int bits) { byte |= static_cast<std::byte>(bits); }

// Sets the 4-bit code of element e in a block of 32 whose low nibbles come first.
void set_nibble(std::byte* nibbles, int e, int code) {
  std::byte& byte = nibbles[e & 15];
  byte = e < 16 ? (byte & std::byte{0xf0}) | static_cast<std::byte>(code)
                : (byte & std::byte{0x0f}) | static_cast<std::byte>(code << 4);
}

void spike_32(QuantType type, std::byte* block, int e) {
  using enum QuantType;
  switch (type) {
    case Q8_0: put16(block, to_half(1.0f / 64)), block[2 + e] = std::byte{64}; break;
    case Q4_0: std::memset(block + 2, 0x88, 16), set_nibble(block + 2, e, 0), put16(block, to_half(-1.0f / 8)); break;
    case Q4_1: put16(block, to_half(1.0f / 8)), set_nibble(block + 4, e, 8); break;
    case Q5_0:
      std::memset(block + 2, 0xff, 4), block[2 + e / 8] ^= static_cast<std::byte>(1 << (e & 7));
      put16(block, to_half(-1.0f / 16));
      break;
    case Q5_1: put16(block, to_half(1.0f / 16)), or_into(block[4 + e / 8], 1 << (e & 7)); break;
    case IQ4_NL:
      std::memset(block + 2, 0x88, 16), set_nibble(block + 2, e, 0), put16(block, to_half(-1.0f / 127));
      break;
    case MXFP4: block[0] = std::byte{128}, set_nibble(block + 1, e, 1); break;
    default: fail("synth has no spike for ", format_info(type).name);
  }
}

void spike_256(QuantType type, std::byte* block, int e) {
  using enum QuantType;
  const int half = e >> 7, quarter = (e >> 5) & 3, group = e >> 5, lane = e & 31;
  switch (type) {
    case Q2_K:
      put16(block + 80, to_half(1)), block[e >> 4] = std::byte{1};
      or_into(block[16 + 32 * half + lane], 1 << (2 * quarter));
      break;
    case Q3_K:  // code 4 is zero, code 0 is -4; all scales are -32
      std::memset(block, 0xff, 32), block[lane] ^= static_cast<std::byte>(1 << (4 * half + quarter));
      put16(block + 108, to_half(1.0f / 128));
      break;
    case Q4_K:
    case Q5_K: {
      put16(block, to_half(1)), block[4 + group + (group < 4 ? 0 : 4)] = std::byte{1};
      const int codes = type == Q4_K ? 16 : 48;
      or_into(block[codes + 32 * (group >> 1) + lane], 1 << (4 * (group & 1)));
      break;
    }
    case Q6_K:  // code 32 is zero, code 0 is -32; so is the scale
      std::memset(block + 128, 0xaa, 64);
      block[128 + 32 * half + lane] ^= static_cast<std::byte>(2 << (2 * quarter));
      block[192 + (e >> 4)] = std::byte{0xe0}, put16(block + 208, to_half(1.0f / 1024));
      break;
    case IQ4_XS:  // scales of 32 are zero
      put16(block, to_half(-1.0f / 127)), put16(block + 2, 0xaaaa);
      or_into(block[4 + (group >> 1)], 1 << (4 * (group & 1)));
      std::memset(block + 8, 0x88, 128), set_nibble(block + 8 + 16 * group, lane, 0);
      break;
    default: fail("synth has no spike for ", format_info(type).name);
  }
}

}  // namespace

void spike_block(QuantType type, std::span<std::byte> block, int element) {
  const FormatInfo& info = format_info(type);
  std::memset(block.data(), 0, block.size());
  if (info.block_size == 1) {
    const float one = 1;
    info.encode(&one, block.data(), 1);
  } else if (info.block_size == 32) {
    spike_32(type, block.data(), element);
  } else {
    spike_256(type, block.data(), element);
  }
}

}  // namespace paceline::synth

#pragma once
// How a lane turns a group of a panel (packing/fragment_layout.h) into what the tensor cores take: signed codes, and per block (or half
// block) and row a scale and perhaps a minimum. weight = scale * (code - kOffset) - minimum. One policy per format; the loops that use
// them are in multiply_block-inl.h and embed.cu.
//
// A policy has: kType; kHalves: a scale for each 16 columns instead of 32; kMinimum; kOffset, which reaches the sums through the sums of the
// activations, so that codes need no subtraction; kTable: codes are places in a table, and look_up(pairs) turns eight of them, two in a byte, into
// signed bytes; scale(row, i) and minimum(row, i) of block i (half block i) of those that the row's scales were loaded for.
#include "device/cuda/intrinsics.h"
#include "device/cuda/packing/fragment_layout.h"

namespace paceline::cuda {

// Formats whose records are scales and, behind them, minima, one of each for every block.
constexpr bool has_minima_apart(QuantType type) {
  return type == QuantType::Q4_1 || type == QuantType::Q5_1 || type == QuantType::Q4_K || type == QuantType::Q5_K;
}

// factor * an unsigned byte of a word, for a finite factor that was a half. A byte as the lowest bits of 2^23 is 2^23 more than the byte; the difference
// of the products, and so the result, is exact. Two instructions instead of four, the factor times 2^23 being the same for all bytes of a row.
__device__ __forceinline__ float times_byte(float factor, uint32_t word, int byte) {
  constexpr uint32_t kRaised = 0x4b000000u;
  const float raised = __uint_as_float(permute_bytes(word, kRaised, 0x7540u | static_cast<uint32_t>(byte)));
  return fmaf(factor, raised, -8388608.0f * factor);
}

// What a row has in a group's header for kBlocks of its blocks, all 8 or 4: of the record, their scales and then their minima.
template <QuantType kType, int kBlocks = kGroupBlocks>
struct RowScales {
  static constexpr FragmentLayout kLayout = fragment_layout(kType);
  static constexpr int kBytes = kLayout.record_bytes * kBlocks / kGroupBlocks;
  static constexpr int kMinimaByte = kBytes / 2,
                       kMinimaHalf = kBytes / 4;  // where minima begin, in bytes and in halves
  float d = 0, dmin = 0;
  uint32_t record[kBytes / 4];

  __device__ RowScales(const std::byte* group, int row, int first_block = 0) {
    if constexpr (kLayout.supers) {
      const uint32_t both = load_wide<uint32_t>(group + 4 * row);
      d = half_to_float(static_cast<uint16_t>(both));
      dmin = half_to_float(static_cast<uint16_t>(both >> 16));
    }
    // A whole record is one piece; of half a one, scales and minima are.
    constexpr int kParts = kBlocks < kGroupBlocks && has_minima_apart(kType) ? 2 : 1, kPartBytes = kBytes / kParts;
    const std::byte* at = group + kLayout.records_offset() + row * kLayout.record_bytes +
                          kLayout.record_bytes / kParts / kGroupBlocks * first_block;
#pragma unroll
    for (int part = 0; part < kParts; ++part)
      load<kPartBytes>(at + part * kLayout.record_bytes / 2, part * kPartBytes / 4);
  }

  // d or dmin times a byte. Who loads half of a record has no registers for the factors times 2^23.
  __device__ float times_u8(float factor, int i) const {
    return kBlocks < kGroupBlocks ? factor * static_cast<float>(u8(i)) : times_byte(factor, record[i >> 2], i & 3);
  }
  __device__ int u8(int i) const { return static_cast<int>(record[i >> 2] >> (8 * (i & 3)) & 255); }
  __device__ int i8(int i) const { return static_cast<int8_t>(u8(i)); }
  __device__ float half(int i) const { return half_to_float(static_cast<uint16_t>(record[i >> 1] >> (16 * (i & 1)))); }

 private:
  // Bytes from `at` into the words from `word` on.
  template <int kCount>
  __device__ __forceinline__ void load(const std::byte* at, int word) {
    if constexpr (kCount == 4) {
      record[word] = load_wide<uint32_t>(at);
    } else if constexpr (kCount == 8) {
      const uint2 words = load_wide<uint2>(at);
      record[word] = words.x, record[word + 1] = words.y;
    } else {
#pragma unroll
      for (int i = word; i < word + kCount / 4; i += 4, at += 16) {
        const uint4 words = load_wide<uint4>(at);
        record[i] = words.x, record[i + 1] = words.y, record[i + 2] = words.z, record[i + 3] = words.w;
      }
    }
  }
};

template <QuantType kQuantType, bool kWithHalves, bool kWithMinimum, int kCodeOffset>
struct Format {
  static constexpr QuantType kType = kQuantType;
  static constexpr bool kHalves = kWithHalves, kMinimum = kWithMinimum;
  static constexpr int kOffset = kCodeOffset;
  static constexpr bool kTable = false;
};

struct Q8_0Format : Format<QuantType::Q8_0, false, false, 0> {
  template <class Row>
  static __device__ float scale(const Row& row, int b) {
    return row.half(b);
  }
};
struct Q4_0Format : Format<QuantType::Q4_0, false, false, 8> {
  template <class Row>
  static __device__ float scale(const Row& row, int b) {
    return row.half(b);
  }
};
struct Q5_0Format : Format<QuantType::Q5_0, false, false, 16> {
  template <class Row>
  static __device__ float scale(const Row& row, int b) {
    return row.half(b);
  }
};

template <QuantType kQuantType>
struct AffineFormat : Format<kQuantType, false, true, 0> {
  template <class Row>
  static __device__ float scale(const Row& row, int b) {
    return row.half(b);
  }
  template <class Row>
  static __device__ float minimum(const Row& row, int b) {
    return -row.half(Row::kMinimaHalf + b);
  }
};
using Q4_1Format = AffineFormat<QuantType::Q4_1>;
using Q5_1Format = AffineFormat<QuantType::Q5_1>;

// Eight codes below 16, two in a byte, each replaced by its byte of a table of sixteen: bytes 0-3 in t0 and so on. x has the lower ones, y the upper.
__device__ __forceinline__ uint2 look_up_pairs(uint32_t pairs, uint32_t t0, uint32_t t1, uint32_t t2, uint32_t t3) {
  const uint32_t place = pairs & 0x77777777, half = 0x32103210 | (pairs >> 1 & 0x44444444);
  const auto look_up = [&](int shift) {
    const uint32_t lower = permute_bytes(t0, t1, place >> shift), upper = permute_bytes(t2, t3, place >> shift);
    return permute_bytes(lower, upper, half >> shift);
  };
  const uint32_t first = look_up(0), second = look_up(16);  // lower, upper, lower, upper
  return {permute_bytes(first, second, 0x6420), permute_bytes(first, second, 0x7531)};
}

// Tables as four words of four signed bytes, values 0-3 first (kIq4Values and kMxfp4Values of src/quant; tests compare).
template <QuantType kQuantType>
struct Iq4Format : Format<kQuantType, false, false, 0> {
  static constexpr bool kTable = true;
  static __device__ uint2 look_up(uint32_t pairs) {
    return look_up_pairs(pairs, 0xbfad9881u, 0xf6eaddcfu, 0x26190d01u, 0x71594535u);
  }
};

struct Iq4NlFormat : Iq4Format<QuantType::IQ4_NL> {
  template <class Row>
  static __device__ float scale(const Row& row, int b) {
    return row.half(b);
  }
};
struct Mxfp4Format : Format<QuantType::MXFP4, false, false, 0> {
  static constexpr bool kTable = true;
  static __device__ uint2 look_up(uint32_t pairs) {
    return look_up_pairs(pairs, 0x03020100u, 0x0c080604u, 0xfdfeff00u, 0xf4f8fafcu);
  }
  // 2^(exponent - 128); the two smallest are subnormal
  template <class Row>
  static __device__ float scale(const Row& row, int b) {
    const int exponent = row.u8(b);
    return __uint_as_float(exponent < 2 ? 0x00200000u << exponent : static_cast<uint32_t>(exponent - 1) << 23);
  }
};

template <QuantType kQuantType>
struct SuperAffineFormat : Format<kQuantType, false, true, 0> {
  template <class Row>
  static __device__ float scale(const Row& row, int b) {
    return row.times_u8(row.d, b);
  }
  template <class Row>
  static __device__ float minimum(const Row& row, int b) {
    return row.times_u8(row.dmin, Row::kMinimaByte + b);
  }
};
using Q4_KFormat = SuperAffineFormat<QuantType::Q4_K>;
using Q5_KFormat = SuperAffineFormat<QuantType::Q5_K>;

struct Q6_KFormat : Format<QuantType::Q6_K, true, false, 32> {
  template <class Row>
  static __device__ float scale(const Row& row, int h) {
    return row.d * static_cast<float>(row.i8(h));
  }
};
struct Q3_KFormat : Format<QuantType::Q3_K, true, false, 4> {
  template <class Row>
  static __device__ float scale(const Row& row, int h) {
    return row.d * static_cast<float>(row.i8(h));
  }
};
struct Q2_KFormat : Format<QuantType::Q2_K, true, true, 0> {
  template <class Row>
  static __device__ float scale(const Row& row, int h) {
    return row.d * static_cast<float>(row.u8(h) & 15);
  }
  template <class Row>
  static __device__ float minimum(const Row& row, int h) {
    return row.dmin * static_cast<float>(row.u8(h) >> 4);
  }
};
struct Iq4XsFormat : Iq4Format<QuantType::IQ4_XS> {
  template <class Row>
  static __device__ float scale(const Row& row, int b) {
    return row.d * static_cast<float>(row.i8(b));
  }
};

}  // namespace paceline::cuda

// Unpacking of code areas (panel_layout.h) to eight vectors, and the scales of headers.

namespace {

// Low nibbles first: 256 bytes.
PACELINE_INLINE void unpack_nibbles(B (&out)[8], const std::byte* codes) {
  const B mask = set1_codes(15);
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) {
    const B pair = load_codes(codes + 64 * v);
    out[2 * v] = and_codes(pair, mask);
    out[2 * v + 1] = and_codes(shift_codes<-4>(pair), mask);
  }
}

// Two-bit codes: 128 bytes.
PACELINE_INLINE void unpack_pairs(B (&out)[8], const std::byte* codes) {
  const B mask = set1_codes(3);
#pragma GCC unroll 2
  for (int m = 0; m < 2; ++m) {
    const B four = load_codes(codes + 64 * m);
    out[4 * m] = and_codes(four, mask);
    out[4 * m + 1] = and_codes(shift_codes<-2>(four), mask);
    out[4 * m + 2] = and_codes(shift_codes<-4>(four), mask);
    out[4 * m + 3] = and_codes(shift_codes<-6>(four), mask);
  }
}

// Adds one bit per code, at bit kBit: 64 bytes.
template <int kBit>
PACELINE_INLINE void merge_bits(B (&out)[8], const std::byte* codes) {
  const B mask = set1_codes(1 << kBit), bits = load_codes(codes);
  out[0] = merge_codes(out[0], shift_codes<kBit>(bits), mask);
  out[1] = merge_codes(out[1], shift_codes<kBit - 1>(bits), mask);
  out[2] = merge_codes(out[2], shift_codes<kBit - 2>(bits), mask);
  out[3] = merge_codes(out[3], shift_codes<kBit - 3>(bits), mask);
  out[4] = merge_codes(out[4], shift_codes<kBit - 4>(bits), mask);
  out[5] = merge_codes(out[5], shift_codes<kBit - 5>(bits), mask);
  out[6] = merge_codes(out[6], shift_codes<kBit - 6>(bits), mask);
  out[7] = merge_codes(out[7], shift_codes<kBit - 7>(bits), mask);
}

// Adds two bits per code, at bit 4: 128 bytes.
PACELINE_INLINE void merge_pairs(B (&out)[8], const std::byte* codes) {
  const B mask = set1_codes(0x30);
#pragma GCC unroll 2
  for (int m = 0; m < 2; ++m) {
    const B four = load_codes(codes + 64 * m);
    out[4 * m] = merge_codes(out[4 * m], shift_codes<4>(four), mask);
    out[4 * m + 1] = merge_codes(out[4 * m + 1], shift_codes<2>(four), mask);
    out[4 * m + 2] = merge_codes(out[4 * m + 2], four, mask);
    out[4 * m + 3] = merge_codes(out[4 * m + 3], shift_codes<-2>(four), mask);
  }
}

PACELINE_INLINE void lookup_nibbles(B (&out)[8], const std::byte* codes, B table) {
  unpack_nibbles(out, codes);
#pragma GCC unroll 8
  for (int j = 0; j < 8; ++j) out[j] = lookup_codes(table, out[j]);
}

template <int kMaxCode>
PACELINE_INLINE void prepare_all(B (&codes)[8]) {
#pragma GCC unroll 8
  for (int j = 0; j < 8; ++j) codes[j] = prepare_codes<kMaxCode>(codes[j]);
}

// The f16 values of this part from an array of 16.
PACELINE_INLINE F part_f16(const std::byte* values, int part) { return load_f16(values + part * kLanes * 2); }

// The f16 d of a super-block, and dmin after it.
struct SuperHeader {
  F d, dmin;
  PACELINE_INLINE_MEMBER SuperHeader(const std::byte* group, int part)
      : d(part_f16(group, part)), dmin(part_f16(group + 32, part)) {}
};
struct ScaleHeader {
  F d;
  PACELINE_INLINE_MEMBER ScaleHeader(const std::byte* group, int part) : d(part_f16(group, part)) {}
};
struct NoHeader {
  PACELINE_INLINE_MEMBER NoHeader(const std::byte*, int) {}
};

}  // namespace

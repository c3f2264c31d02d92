// The K formats and IQ4_XS: super-blocks of 256 with scales of scales. In a group's header, scales follow 64 bytes of f16: one array of 16
// per half block, or packed six-bit values (panel_layout.h).

namespace {

// The signed bytes of this part from an array of 16, as floats.
PACELINE_INLINE F part_i8(const std::byte* values, int part) { return to_float(load_i8(values + part * kLanes)); }

// The pairs of six-bit values of a group's header, one byte each, unpacked for all blocks at once.
class SixBitPairs {
 public:
  PACELINE_INLINE_MEMBER explicit SixBitPairs(const std::byte* group) {
    const std::byte* arrays = group + 64;
    const B nibble = set1_codes(15), high_bits = set1_codes(0x30);
    for (int at = 0; at < 64; at += static_cast<int>(sizeof(B))) {
      const B first = load_codes(arrays + at), second = load_codes(arrays + 64 + at),
              high = load_codes(arrays + 128 + at);
      store_codes(first_[0] + at, merge_codes(and_codes(first, nibble), shift_codes<4>(high), high_bits));
      store_codes(second_[0] + at, merge_codes(and_codes(second, nibble), shift_codes<2>(high), high_bits));
      store_codes(first_[1] + at, merge_codes(and_codes(shift_codes<-4>(first), nibble), high, high_bits));
      store_codes(second_[1] + at,
                  merge_codes(and_codes(shift_codes<-4>(second), nibble), shift_codes<-2>(high), high_bits));
    }
  }
  // Of block b.
  PACELINE_INLINE_MEMBER I first(int b, int part) const { return load_u8(first_[b & 1] + place(b, part)); }
  PACELINE_INLINE_MEMBER I second(int b, int part) const { return load_u8(second_[b & 1] + place(b, part)); }

 private:
  PACELINE_INLINE_MEMBER static int place(int b, int part) { return 16 * (b >> 1) + part * kLanes; }

  alignas(64) uint8_t first_[2][64], second_[2][64];  // of even and odd blocks: 16 rows of each
};

struct PairedHeader {
  SuperHeader scales;
  SixBitPairs pairs;
  PACELINE_INLINE_MEMBER PairedHeader(const std::byte* group, int part) : scales(group, part), pairs(group) {}
};

struct Q4KFormat {
  static constexpr QuantType kType = QuantType::Q4_K;
  using Header = PairedHeader;
  struct Block : ScaledMin<CodeRange<0, 15>> {
    PACELINE_INLINE_MEMBER Block(const Header& header, const std::byte*, const std::byte* area, int b, int part) {
      unpack_nibbles(codes, area);
      scale = mul(header.scales.d, to_float(header.pairs.first(b, part)));
      minimum = mul(header.scales.dmin, to_float(header.pairs.second(b, part)));
    }
  };
};

struct Q5KFormat {
  static constexpr QuantType kType = QuantType::Q5_K;
  using Header = PairedHeader;
  struct Block : ScaledMin<CodeRange<0, 31>> {
    PACELINE_INLINE_MEMBER Block(const Header& header, const std::byte*, const std::byte* area, int b, int part) {
      unpack_nibbles(codes, area);
      merge_bits<4>(codes, area + 256);
      scale = mul(header.scales.d, to_float(header.pairs.first(b, part)));
      minimum = mul(header.scales.dmin, to_float(header.pairs.second(b, part)));
    }
  };
};

struct Q6KFormat {
  static constexpr QuantType kType = QuantType::Q6_K;
  using Header = ScaleHeader;
  struct Block : HalfScaled<CodeRange<32, 63>> {
    PACELINE_INLINE_MEMBER Block(const Header& header, const std::byte* group, const std::byte* area, int b, int part) {
      unpack_nibbles(codes, area);
      merge_pairs(codes, area + 256);
      scale_low = mul(header.d, part_i8(group + 64 + 32 * b, part));
      scale_high = mul(header.d, part_i8(group + 80 + 32 * b, part));
    }
  };
};

struct Q3KFormat {
  static constexpr QuantType kType = QuantType::Q3_K;
  using Header = PairedHeader;
  struct Block : HalfScaled<CodeRange<4, 7>> {
    PACELINE_INLINE_MEMBER Block(const Header& header, const std::byte*, const std::byte* area, int b, int part) {
      unpack_pairs(codes, area);
      merge_bits<2>(codes, area + 128);
      scale_low = mul(header.scales.d, to_float(isub(header.pairs.first(b, part), iset1(32))));
      scale_high = mul(header.scales.d, to_float(isub(header.pairs.second(b, part), iset1(32))));
    }
  };
};

struct Q2KFormat {
  static constexpr QuantType kType = QuantType::Q2_K;
  using Header = SuperHeader;
  struct Block : HalfScaledMin<CodeRange<0, 3>> {
    PACELINE_INLINE_MEMBER Block(const Header& header, const std::byte* group, const std::byte* area, int b, int part) {
      unpack_pairs(codes, area);
      const I low = load_u8(group + 64 + 32 * b + part * kLanes), high = load_u8(group + 80 + 32 * b + part * kLanes);
      scale_low = mul(header.d, to_float(iand(low, iset1(15))));
      scale_high = mul(header.d, to_float(iand(high, iset1(15))));
      minimum_low = mul(header.dmin, to_float(ishift_right<4>(low)));
      minimum_high = mul(header.dmin, to_float(ishift_right<4>(high)));
    }
  };
};

struct Iq4XsFormat {
  static constexpr QuantType kType = QuantType::IQ4_XS;
  using Header = ScaleHeader;
  struct Block : Scaled<CodeRange<128, 241>> {
    PACELINE_INLINE_MEMBER Block(const Header& header, const std::byte* group, const std::byte* area, int b, int part) {
      lookup_nibbles(codes, area, load_table(kIq4Codes));
      prepare_all<241>(codes);
      const I low = ishift_right_by(load_u8(group + 64 + 16 * (b >> 1) + part * kLanes), 4 * (b & 1));
      const I high = ishift_right_by(load_u8(group + 32 + 16 * (b >> 2) + part * kLanes), 2 * (b & 3));
      const I whole = iadd(iand(low, iset1(15)), iand(ishift_left<4>(high), iset1(0x30)));
      scale = mul(header.d, to_float(isub(whole, iset1(32))));
    }
  };
};

}  // namespace

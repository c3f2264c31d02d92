// The K formats and IQ4_XS: super-blocks of 256 with scales of scales. In a group's header, scales follow 64 bytes of f16: one array of 16
// per block of 32 columns (Q4_K and Q5_K: scales then minima), or one per half block.

namespace {

// The unsigned / signed bytes of this part from an array of 16, as floats.
PACELINE_INLINE F part_u8(const std::byte* values, int part) { return to_float(load_u8(values + part * kLanes)); }
PACELINE_INLINE F part_i8(const std::byte* values, int part) { return to_float(load_i8(values + part * kLanes)); }

struct Q4KFormat {
  static constexpr QuantType kType = QuantType::Q4_K;
  using Header = SuperHeader;
  struct Block : ScaledMin<CodeRange<0, 15>> {
    PACELINE_INLINE_MEMBER Block(const Header& header, const std::byte* group, const std::byte* area, int b, int part) {
      unpack_nibbles(codes, area);
      scale = mul(header.d, part_u8(group + 64 + 32 * b, part));
      minimum = mul(header.dmin, part_u8(group + 80 + 32 * b, part));
    }
  };
};

struct Q5KFormat {
  static constexpr QuantType kType = QuantType::Q5_K;
  using Header = SuperHeader;
  struct Block : ScaledMin<CodeRange<0, 31>> {
    PACELINE_INLINE_MEMBER Block(const Header& header, const std::byte* group, const std::byte* area, int b, int part) {
      unpack_nibbles(codes, area);
      merge_bits<4>(codes, area + 256);
      scale = mul(header.d, part_u8(group + 64 + 32 * b, part));
      minimum = mul(header.dmin, part_u8(group + 80 + 32 * b, part));
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
  using Header = ScaleHeader;
  struct Block : HalfScaled<CodeRange<4, 7>> {
    PACELINE_INLINE_MEMBER Block(const Header& header, const std::byte* group, const std::byte* area, int b, int part) {
      unpack_pairs(codes, area);
      merge_bits<2>(codes, area + 128);
      scale_low = mul(header.d, part_i8(group + 64 + 32 * b, part));
      scale_high = mul(header.d, part_i8(group + 80 + 32 * b, part));
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
      scale = mul(header.d, part_i8(group + 64 + 16 * b, part));
    }
  };
};

}  // namespace

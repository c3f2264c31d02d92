// Formats with blocks of 32: Q8_0, Q4_0, Q5_0, IQ4_NL (a scale), Q4_1, Q5_1 (scale and minimum), MXFP4 (a power of two).

namespace {

struct Q8_0Format {
  static constexpr QuantType kType = QuantType::Q8_0;
  using Header = NoHeader;
  struct Block : Scaled<CodeRange<128, 255>> {
    PACELINE_INLINE_MEMBER Block(const Header&, const std::byte* group, const std::byte* area, int b, int part) {
#pragma GCC unroll 8
      for (int j = 0; j < 8; ++j) codes[j] = prepare_codes<255>(load_codes(area + 64 * j));
      scale = part_f16(group + 32 * b, part);
    }
  };
};

struct Q4_0Format {
  static constexpr QuantType kType = QuantType::Q4_0;
  using Header = NoHeader;
  struct Block : Scaled<CodeRange<8, 15>> {
    PACELINE_INLINE_MEMBER Block(const Header&, const std::byte* group, const std::byte* area, int b, int part) {
      unpack_nibbles(codes, area);
      scale = part_f16(group + 32 * b, part);
    }
  };
};

struct Q5_0Format {
  static constexpr QuantType kType = QuantType::Q5_0;
  using Header = NoHeader;
  struct Block : Scaled<CodeRange<16, 31>> {
    PACELINE_INLINE_MEMBER Block(const Header&, const std::byte* group, const std::byte* area, int b, int part) {
      unpack_nibbles(codes, area);
      merge_bits<4>(codes, area + 256);
      scale = part_f16(group + 32 * b, part);
    }
  };
};

struct Q4_1Format {
  static constexpr QuantType kType = QuantType::Q4_1;
  using Header = NoHeader;
  struct Block : ScaledMin<CodeRange<0, 15>> {
    PACELINE_INLINE_MEMBER Block(const Header&, const std::byte* group, const std::byte* area, int, int part) {
      unpack_nibbles(codes, area);
      scale = part_f16(group, part);
      minimum = sub(zero(), part_f16(group + 32, part));
    }
  };
};

struct Q5_1Format {
  static constexpr QuantType kType = QuantType::Q5_1;
  using Header = NoHeader;
  struct Block : ScaledMin<CodeRange<0, 31>> {
    PACELINE_INLINE_MEMBER Block(const Header&, const std::byte* group, const std::byte* area, int, int part) {
      unpack_nibbles(codes, area);
      merge_bits<4>(codes, area + 256);
      scale = part_f16(group, part);
      minimum = sub(zero(), part_f16(group + 32, part));
    }
  };
};

// Table values plus 128, so that codes are unsigned.
alignas(16) constexpr uint8_t kIq4Codes[16] = {1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241};

struct Iq4NlFormat {
  static constexpr QuantType kType = QuantType::IQ4_NL;
  using Header = NoHeader;
  struct Block : Scaled<CodeRange<128, 241>> {
    PACELINE_INLINE_MEMBER Block(const Header&, const std::byte* group, const std::byte* area, int b, int part) {
      lookup_nibbles(codes, area, load_table(kIq4Codes));
      prepare_all<241>(codes);
      scale = part_f16(group + 32 * b, part);
    }
  };
};

// Table values plus 16.
alignas(16) constexpr uint8_t kMxfp4Codes[16] = {16, 17, 18, 19, 20, 22, 24, 28, 16, 15, 14, 13, 12, 10, 8, 4};

struct Mxfp4Format {
  static constexpr QuantType kType = QuantType::MXFP4;
  using Header = NoHeader;
  struct Block : Scaled<CodeRange<16, 28>> {
    PACELINE_INLINE_MEMBER Block(const Header&, const std::byte* group, const std::byte* area, int b, int part) {
      lookup_nibbles(codes, area, load_table(kMxfp4Codes));
      // 2^(exponent - 128) as a product of two powers, because the smallest are denormal
      const I exponent = load_u8(group + 16 * b + part * kLanes), half = ishift_right<1>(exponent),
              rest = isub(exponent, half);
      scale = mul(as_float(ishift_left<23>(iadd(half, iset1(63)))), as_float(ishift_left<23>(iadd(rest, iset1(63)))));
    }
  };
};

struct F32Format {
  static constexpr QuantType kType = QuantType::F32;
  PACELINE_INLINE F load(const std::byte* p) { return load_f32(p); }
};

struct F16Format {
  static constexpr QuantType kType = QuantType::F16;
  PACELINE_INLINE F load(const std::byte* p) { return load_f16(p); }
};

struct Bf16Format {
  static constexpr QuantType kType = QuantType::BF16;
  PACELINE_INLINE F load(const std::byte* p) { return load_bf16(p); }
};

}  // namespace

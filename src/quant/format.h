#pragma once
// The tensor element types of GGUF that paceline computes with, and the facts every layer needs about them: block length, block
// bytes, name. One header per format (q4_k.h …) holds the block struct and the scalar encode/decode, the single source of truth;
// SIMD and CUDA code is tested against it. Spec: spec section 9.1 (ids, sizes), 9.2 (decoding by element).
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace paceline {

// Values are GGUF's type ids.
enum class QuantType : uint32_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q5_0 = 6,
  Q5_1 = 7,
  Q8_0 = 8,
  Q2_K = 10,
  Q3_K = 11,
  Q4_K = 12,
  Q5_K = 13,
  Q6_K = 14,
  IQ4_NL = 20,
  IQ4_XS = 23,
  BF16 = 30,
  MXFP4 = 39,
};

inline constexpr QuantType kAllQuantTypes[] = {
    QuantType::F32,  QuantType::F16,    QuantType::BF16,   QuantType::Q8_0,  QuantType::Q4_0, QuantType::Q4_1,
    QuantType::Q5_0, QuantType::Q5_1,   QuantType::Q2_K,   QuantType::Q3_K,  QuantType::Q4_K, QuantType::Q5_K,
    QuantType::Q6_K, QuantType::IQ4_NL, QuantType::IQ4_XS, QuantType::MXFP4,
};

struct FormatInfo {
  QuantType type;
  std::string_view name;  // as the field writes it: "Q4_K"
  int block_size;  // elements in a block; a row is a whole number of blocks
  int block_bytes;
  bool can_encode;
  // Decodes / encodes `count` elements (a multiple of block_size). Scalar, obvious, deterministic.
  void (*decode)(const std::byte* blocks, float* out, size_t count);
  void (*encode)(const float* values, std::byte* out, size_t count);  // nullptr unless can_encode
};

// Facts of a supported type.
const FormatInfo& format_info(QuantType type);

// The supported type with this GGUF id or name ("Q4_K", case-insensitive), if any.
std::optional<QuantType> quant_type_from_id(uint32_t id);
std::optional<QuantType> quant_type_from_name(std::string_view name);

// Name of any GGUF type id, also of those paceline refuses ("IQ2_XXS"); "type 77" style text for unknown ids is the caller's job.
std::string_view gguf_type_name(uint32_t id);  // "" when unknown or retired

inline size_t row_bytes(QuantType type, int64_t columns) {
  const FormatInfo& info = format_info(type);
  return static_cast<size_t>(columns / info.block_size) * static_cast<size_t>(info.block_bytes);
}

// A matrix as it lies in the file: `rows` outputs of `cols` contiguous inputs each. A view; the file outlives it.
struct QuantMatrix {
  QuantType type = QuantType::F32;
  int rows = 0, cols = 0;
  std::span<const std::byte> bytes;  // rows * row_bytes(type, cols)
};

}  // namespace paceline

#include "app/synth/quant_mix.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"

namespace paceline::synth {

namespace {

using enum QuantType;

constexpr QuantMix uniform(std::string_view name, uint32_t file_type, QuantType type) {
  return {name, file_type, type, type, {}, {}, {}};
}
// The 32-blocks: everything in one type but the head.
constexpr QuantMix plain(std::string_view name, uint32_t file_type, QuantType type) {
  return {name, file_type, type, Q6_K, {}, {}, {}};
}

constexpr QuantMix kMixes[] = {
    {"Q2_K", 10, Q2_K, Q6_K, {Blocks::All, Q4_K}, {Blocks::All, Q3_K}, {Blocks::All, Q3_K}},
    {"Q3_K_S", 11, Q3_K, Q6_K, {}, {}, {}},
    {"Q3_K_M", 12, Q3_K, Q6_K, {Blocks::First2, Q5_K, Q4_K}, {Blocks::FirstSixteenth, Q5_K, Q4_K}, {Blocks::All, Q4_K}},
    {"Q3_K_L", 13, Q3_K, Q6_K, {Blocks::All, Q5_K}, {Blocks::All, Q5_K}, {Blocks::All, Q5_K}},
    {"Q4_K_S", 14, Q4_K, Q6_K, {Blocks::First4, Q5_K}, {Blocks::FirstEighth, Q5_K}, {}},
    {"Q4_K_M", 15, Q4_K, Q6_K, {Blocks::More, Q6_K}, {Blocks::More, Q6_K}, {}},
    {"Q5_K_S", 16, Q5_K, Q6_K, {}, {}, {}},
    {"Q5_K_M", 17, Q5_K, Q6_K, {Blocks::More, Q6_K}, {Blocks::More, Q6_K}, {}},
    {"Q6_K", 18, Q6_K, Q6_K, {}, {}, {}},
    uniform("Q8_0", 7, Q8_0),
    plain("Q4_0", 2, Q4_0),
    plain("Q4_1", 3, Q4_1),
    plain("Q5_0", 8, Q5_0),
    plain("Q5_1", 9, Q5_1),
    {"IQ4_NL", 25, IQ4_NL, Q6_K, {Blocks::All, Q5_K}, {Blocks::FirstEighth, Q5_K}, {}},
    {"IQ4_XS", 30, IQ4_XS, Q6_K, {Blocks::All, Q5_K}, {Blocks::FirstEighth, Q5_K}, {}},
    uniform("F16", 1, F16),
    uniform("BF16", 32, BF16),
    uniform("F32", 0, F32),
    // Experts are MXFP4, everything else Q8_0 (tensor_type).
    uniform("MXFP4_MOE", 38, Q8_0),
    // Not one of llama.cpp's: MXFP4 in dense models too, so that the format can be measured and tested at every shape.
    {"MXFP4", 38, MXFP4, Q8_0, {}, {}, {}},
};

struct Alias {
  std::string_view name, mix;
};
constexpr Alias kAliases[] = {{"Q3_K", "Q3_K_M"}, {"Q4_K", "Q4_K_M"}, {"Q5_K", "Q5_K_M"}};

bool chooses(Blocks blocks, int block, int block_count) {
  const int eighth = block_count / 8;
  switch (blocks) {
    case Blocks::None: return false;
    case Blocks::All: return true;
    case Blocks::First2: return block < 2;
    case Blocks::First4: return block < 4;
    case Blocks::FirstSixteenth: return block < block_count / 16;
    case Blocks::FirstEighth: return block < eighth;
    case Blocks::More: return block < eighth || block >= 7 * block_count / 8 || (block - eighth) % 3 == 2;
  }
  return false;
}

QuantType apply(const RoleRule& rule, const QuantMix& mix, const TensorPlace& place) {
  const QuantType type = chooses(rule.blocks, place.block, place.block_count) ? rule.type : rule.otherwise;
  return type == F32 ? mix.base : type;
}

QuantType type_for_value(const QuantMix& mix, const TensorPlace& place) {
  // Values shared by few query heads are worth fewer bits.
  if (place.heads_per_kv_head < 4) {
    if (mix.base == Q2_K) return Q3_K;
    if (mix.base == IQ4_NL || mix.base == IQ4_XS) return mix.base;
  }
  return apply(mix.value, mix, place);
}

QuantType type_before_fallback(const QuantMix& mix, const TensorPlace& place) {
  if (mix.name == "MXFP4_MOE" && place.is_expert) return MXFP4;
  switch (place.role) {
    case TensorRole::Default: return mix.base;
    case TensorRole::Output: return mix.output;
    case TensorRole::Value: return type_for_value(mix, place);
    case TensorRole::AttentionOutput: return apply(mix.attention_output, mix, place);
    case TensorRole::Down: return apply(mix.down, mix, place);
  }
  return mix.base;
}

}  // namespace

std::span<const QuantMix> all_mixes() { return kMixes; }

std::vector<std::string> mix_names() {
  std::vector<std::string> names;
  for (const QuantMix& mix : kMixes) names.emplace_back(mix.name);
  for (const Alias& alias : kAliases) names.emplace_back(alias.name);
  return names;
}

const QuantMix& find_mix(std::string_view name) {
  for (const Alias& alias : kAliases)
    if (equal_ignoring_case(alias.name, name)) name = alias.mix;
  for (const QuantMix& mix : kMixes)
    if (equal_ignoring_case(mix.name, name)) return mix;
  throw UsageError(cat("--type: unknown type \"", name, "\""));
}

QuantType type_for_columns(QuantType type, int64_t columns) {
  while (columns % format_info(type).block_size != 0) {
    switch (type) {
      case Q2_K:
      case Q3_K: type = Q4_0; break;
      case Q4_K: type = Q5_0; break;
      case Q5_K: type = Q5_1; break;
      case Q6_K: type = Q8_0; break;
      case IQ4_XS: type = IQ4_NL; break;
      default: type = F16;
    }
  }
  return type;
}

QuantType tensor_type(const QuantMix& mix, const TensorPlace& place) {
  return type_for_columns(type_before_fallback(mix, place), place.columns);
}

}  // namespace paceline::synth

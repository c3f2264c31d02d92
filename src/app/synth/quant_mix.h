#pragma once
// llama.cpp's quantization mixes for qwen35 (spec section 9.4): which tensor of which block gets which type. One row per mix; the
// rules look at a tensor's role, its block's index and the number of blocks, draft block included.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quant/format.h"

namespace paceline::synth {

// What a matrix is for, as far as the mixes care.
enum class TensorRole {
  Default,  // queries, keys, gates, eh_proj, untied token_embd …
  Output,  // the output head, or token_embd where it is tied
  Value,  // attn_v and the joint attn_qkv of recurrent layers
  AttentionOutput,  // attn_output, not ssm_out
  Down,  // ffn_down, also of experts
};

struct TensorPlace {
  TensorRole role = TensorRole::Default;
  int block = 0, block_count = 0;
  int heads_per_kv_head = 0;
  bool is_expert = false;  // one matrix per expert
  int64_t columns = 0;
};

enum class Blocks { None, All, First2, First4, FirstSixteenth, FirstEighth, More };

// `type` in the chosen blocks, `otherwise` (F32: the mix's base type) in the others.
struct RoleRule {
  Blocks blocks = Blocks::None;
  QuantType type = QuantType::F32, otherwise = QuantType::F32;
};

struct QuantMix {
  std::string_view name;
  uint32_t file_type;  // general.file_type, spec section 9.3
  QuantType base, output;
  RoleRule value, down, attention_output;
};

std::span<const QuantMix> all_mixes();
// Mixes and their aliases (a plain block type means its usual mix, as in llama.cpp), for help and error messages.
std::vector<std::string> mix_names();
// Case-insensitive; throws UsageError naming the nearest.
const QuantMix& find_mix(std::string_view name);

// The type of a matrix under the mix, after the fallbacks for column counts that are no multiple of the block.
QuantType tensor_type(const QuantMix& mix, const TensorPlace& place);

// `type`, or what replaces it for rows of `columns` values: K-quants fall back to the like-sized 32-blocks, those to F16.
QuantType type_for_columns(QuantType type, int64_t columns);

}  // namespace paceline::synth

#pragma once
// The model shapes that `synth` can build: the qwen35 family's published sizes (spec section 1) and a tiny one for tests. A shape
// holds hyperparameters only; which tensors follow from them is tensor_plan.h's business.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace paceline::synth {

struct ModelShape {
  std::string_view name;  // "0.8B"
  std::string_view architecture;  // "qwen35" or "qwen35moe"
  int width;
  int trunk_layer_count;  // the draft block comes after them
  int head_count, head_count_kv, head_dim;
  int feed_forward_length;  // 0: experts
  int key_head_count, value_head_count, state_size;  // Gated DeltaNet
  bool tied;  // the output head is token_embd
  int expert_count, expert_used_count, expert_feed_forward_length;  // 0: dense; the shared expert has the same length
  int vocab_size;
  int special_token_base;  // id of <|endoftext|>; ids below are ordinary tokens
  int context_length;

  int block_count() const { return trunk_layer_count + 1; }
  bool is_recurrent(int block) const { return block < trunk_layer_count && (block + 1) % 4 != 0; }
  bool has_experts() const { return expert_count > 0; }
  int rotated_dims() const { return head_dim / 4; }
  int key_length() const { return key_head_count * state_size; }
  int value_length() const { return value_head_count * state_size; }
  int conv_channels() const { return 2 * key_length() + value_length(); }
};

inline constexpr int kConvKernel = 4;
// Ids the successor map of --accept lives in.
inline constexpr int kLowIdCount = 16384;

std::span<const ModelShape> all_shapes();
std::vector<std::string> shape_names();
// Throws UsageError naming the nearest shape.
const ModelShape& find_shape(std::string_view name);

}  // namespace paceline::synth

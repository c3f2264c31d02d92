#pragma once
// What running a model takes, from its file alone: weights, KV cache and recurrent state (spec section 5.2). The file is not loaded;
// an architecture we do not know counts as softmax attention in every block.
#include <cstdint>
#include <optional>
#include <string_view>

#include "gguf/reader.h"

namespace paceline {

struct MemoryNeeds {
  bool has_draft_head = false;
  uint64_t weight_bytes = 0;
  int64_t context = 0;
  uint64_t kv_bytes_per_token = 0, kv_bytes = 0;  // F16, the draft block's included
  std::string_view kv_type_name = "f16";
  uint64_t recurrent_bytes = 0;  // of one sequence
};

// context: none is the smaller of trained and usual, 0 is the trained one.
MemoryNeeds memory_needs(const GgufFile& file, std::optional<int64_t> context);

}  // namespace paceline

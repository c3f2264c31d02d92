#include "app/memory_needs.h"

#include <algorithm>

#include "app/session.h"
#include "base/error.h"

namespace paceline {

namespace {

constexpr int64_t kMost = 1 << 24;

class KeyReader {
 public:
  explicit KeyReader(const GgufFile& file)
      : metadata_(file.metadata()), prefix_(metadata_.text("general.architecture") + ".") {}
  int64_t integer(const char* name, int64_t fallback = 0) const {
    // Per-layer lists exist; the largest entry is the safe guess.
    const GgufValue* value = metadata_.find(prefix_ + name);
    if (value != nullptr && value->type == GgufType::Array) {
      const std::vector<int64_t> list = metadata_.integer_array(prefix_ + name);
      return list.empty() ? fallback : std::clamp<int64_t>(*std::max_element(list.begin(), list.end()), 0, kMost);
    }
    return metadata_.find_integer(prefix_ + name, 0, kMost).value_or(fallback);
  }

 private:
  const Metadata& metadata_;
  std::string prefix_;
};

// A block without keys of its own is a recurrent one.
bool has_attention(const GgufFile& file, int64_t block) {
  return file.find(cat("blk.", block, ".attn_k.weight")) != nullptr;
}

uint64_t recurrent_bytes(const KeyReader& keys) {
  const int64_t inner = keys.integer("ssm.inner_size"), state = keys.integer("ssm.state_size");
  const int64_t channels = inner + 2 * keys.integer("ssm.group_count") * state;
  const int64_t columns = std::max<int64_t>(0, keys.integer("ssm.conv_kernel", 1) - 1);
  return static_cast<uint64_t>(inner * state + columns * channels) * sizeof(float);
}

}  // namespace

MemoryNeeds memory_needs(const GgufFile& file, std::optional<int64_t> context) {
  const KeyReader keys(file);
  MemoryNeeds needs;
  const int64_t trained = keys.integer("context_length", kUsualContext);
  needs.context = context.value_or(std::min<int64_t>(trained, kUsualContext));
  if (needs.context == 0) needs.context = trained;
  needs.has_draft_head = keys.integer("nextn_predict_layers") > 0;
  for (const GgufTensor& tensor : file.tensors()) needs.weight_bytes += tensor.bytes.size();

  const int64_t heads = std::max<int64_t>(1, keys.integer("attention.head_count", 1));
  const int64_t head_dim = keys.integer("attention.key_length", keys.integer("embedding_length") / heads);
  const int64_t kv_columns = keys.integer("attention.head_count_kv", heads) * head_dim;
  for (int64_t block = 0; block < std::min<int64_t>(keys.integer("block_count"), 4096); ++block) {
    if (has_attention(file, block))
      needs.kv_bytes_per_token += static_cast<uint64_t>(2 * kv_columns) * sizeof(uint16_t);
    else needs.recurrent_bytes += recurrent_bytes(keys);
  }
  needs.kv_bytes = needs.kv_bytes_per_token * static_cast<uint64_t>(needs.context);
  return needs;
}

}  // namespace paceline

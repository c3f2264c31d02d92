#pragma once
// Hyperparameters read from metadata with the ranges of spec section 10.2. Shared by architectures that use the same keys.
#include <string>

#include "model/blocks.h"
#include "model/model.h"

namespace paceline {

// Reads "<architecture>.<key>".
class ConfigReader {
 public:
  explicit ConfigReader(const GgufFile& file);

  const std::string& architecture() const { return architecture_; }
  std::string key(const std::string& name) const { return architecture_ + "." + name; }
  int integer(const std::string& name, int64_t lowest, int64_t highest) const;
  int integer_or(const std::string& name, int64_t lowest, int64_t highest, int fallback) const;
  double positive(const std::string& name) const;
  // Throws "<file>: <architecture>.<name> <what is wrong>".
  [[noreturn]] void reject(const std::string& name, const std::string& problem) const;

  // Facts every architecture has. vocab_size is the row count of token_embd.
  ModelFacts facts() const;
  // Trunk and draft blocks together, and how many of them are draft blocks (0 or 1).
  int block_count() const { return block_count_; }
  int draft_block_count() const { return draft_block_count_; }
  // Softmax attention without gate: heads, head size, rotation, eps.
  AttentionConfig attention() const;

  const GgufFile& file;

 private:
  std::string architecture_;
  int block_count_ = 0, draft_block_count_ = 0;
};

}  // namespace paceline

#pragma once
// Logits of every position of a prompt, trunk and draft head, and the head's greedy chain after it: what `paceline logits` writes and the
// golden tests compare (layout: tests/golden/README.md).
#include <vector>

#include "engine/sequence.h"

namespace paceline {

struct PromptLogits {
  std::vector<float> trunk;  // prompt length x vocab_size
  // (prompt length - 1 + kChainRows) x vocab_size; empty without a draft head. Row i pairs token i+1 with the hidden state of i; the last
  // rows are the chain that starts from the trunk's most likely next token and feeds back its own state and most likely token.
  std::vector<float> draft;
  std::vector<Token> chain;  // the chain's most likely tokens

  static constexpr int kChainRows = 4;
};

// max_rows: rows the model was loaded for (ModelOptions::max_batch_rows). With `chain_inputs` (kChainRows tokens) the chain is fed those
// instead of its own choices, so that a near-tie decided otherwise does not make all rows after it incomparable.
PromptLogits compute_prompt_logits(Device& device, Model& model, std::span<const Token> prompt, KvTypes types,
                                   int max_rows, std::span<const Token> chain_inputs = {});

}  // namespace paceline

#pragma once
// A made-up but valid byte-level BPE vocabulary of qwen35's layout: 256 bytes, then tokens that each are the merge of two earlier
// ones (rank = id), then the family's special tokens at their real places (spec section 8.2). Tokens are pronounceable, so
// generated text reads as words. The same for every shape up to the number of ordinary tokens.
#include <cstdint>
#include <string>
#include <vector>

namespace paceline::synth {

struct Vocabulary {
  std::vector<std::string> tokens, merges;
  std::vector<int32_t> kinds;  // GGUF token types
  int end_of_text = 0;  // bos and padding
  int end_of_turn = 0;  // eos
};

inline constexpr int kByteTokenCount = 256;

// `special_base` ordinary tokens, then special tokens, then unused ones up to vocab_size.
Vocabulary make_vocabulary(int vocab_size, int special_base);

// ChatML.
const char* chat_template();

}  // namespace paceline::synth

#include "app/synth/vocabulary.h"

#include <string_view>

#include "base/error.h"

namespace paceline::synth {

namespace {

constexpr int kNormal = 1, kControl = 3, kUserDefined = 4, kUnused = 5;

struct SpecialToken {
  int offset;  // from <|endoftext|>
  std::string_view text;
  int kind;
};

constexpr SpecialToken kSpecialTokens[] = {
    {0, "<|endoftext|>", kControl},       {1, "<|im_start|>", kControl},         {2, "<|im_end|>", kControl},
    {9, "<|vision_start|>", kControl},    {10, "<|vision_end|>", kControl},      {11, "<|vision_pad|>", kControl},
    {12, "<|image_pad|>", kControl},      {13, "<|video_pad|>", kControl},       {14, "<tool_call>", kUserDefined},
    {15, "</tool_call>", kUserDefined},   {16, "<|fim_prefix|>", kUserDefined},  {17, "<|fim_middle|>", kUserDefined},
    {18, "<|fim_suffix|>", kUserDefined}, {19, "<|fim_pad|>", kUserDefined},     {20, "<|repo_name|>", kUserDefined},
    {21, "<|file_sep|>", kUserDefined},   {22, "<tool_response>", kUserDefined}, {23, "</tool_response>", kUserDefined},
    {24, "<think>", kUserDefined},        {25, "</think>", kUserDefined},        {32, "<|audio_pad|>", kControl},
};

// The printable stand-ins of bytes, in vocabulary order: those that stand for themselves first, then U+0100 on.
std::string utf8_below_0x800(int code_point) {
  if (code_point < 0x80) return std::string(1, static_cast<char>(code_point));
  return {static_cast<char>(0xc0 | code_point >> 6), static_cast<char>(0x80 | (code_point & 0x3f))};
}

void add_bytes(std::vector<std::string>& tokens) {
  int others = 0;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    if (printable) tokens.push_back(utf8_below_0x800(byte));
    else ++others;
  }
  for (int i = 0; i < others; ++i) tokens.push_back(utf8_below_0x800(0x100 + i));
}

// Adds merges of earlier tokens until there are `limit` tokens.
class MergeWriter {
 public:
  MergeWriter(Vocabulary& vocabulary, size_t limit) : vocabulary_(vocabulary), limit_(limit) {}

  void add(std::string_view left, std::string_view right) {
    if (vocabulary_.tokens.size() >= limit_) return;
    vocabulary_.tokens.push_back(cat(left, right));
    vocabulary_.merges.push_back(cat(left, " ", right));
  }
  void add_all(const std::vector<std::string>& lefts, const std::vector<std::string>& rights) {
    for (const std::string& left : lefts) {
      if (vocabulary_.tokens.size() >= limit_) return;
      for (const std::string& right : rights) add(left, right);
    }
  }

 private:
  Vocabulary& vocabulary_;
  size_t limit_;
};

std::vector<std::string> joined(const std::vector<std::string>& lefts, const std::vector<std::string>& rights) {
  std::vector<std::string> out;
  out.reserve(lefts.size() * rights.size());
  for (const std::string& left : lefts)
    for (const std::string& right : rights) out.push_back(left + right);
  return out;
}

void add_merges(Vocabulary& vocabulary, size_t limit) {
  std::vector<std::string> letters, syllables;
  for (char letter = 'a'; letter <= 'z'; ++letter) letters.emplace_back(1, letter);
  for (const char consonant : std::string_view("bcdfghjklmnpqrstvwxyz"))
    for (const char vowel : std::string_view("aeiou")) syllables.push_back({consonant, vowel});
  const std::vector<std::string> space = {"\u0120"};  // stands for the byte of a blank
  const std::vector<std::string> openings = joined(space, syllables), words = joined(openings, syllables);

  MergeWriter writer(vocabulary, limit);
  writer.add_all(letters, letters);
  writer.add_all(space, joined(letters, letters));
  writer.add_all(openings, syllables);
  writer.add_all(syllables, syllables);
  writer.add_all(words, syllables);
}

void add_specials(Vocabulary& vocabulary, int vocab_size, int special_base) {
  vocabulary.kinds.assign(vocabulary.tokens.size(), kNormal);
  for (int id = special_base; id < vocab_size; ++id) {
    vocabulary.tokens.push_back(cat("[PAD", id, "]"));
    vocabulary.kinds.push_back(kUnused);
  }
  for (const SpecialToken& special : kSpecialTokens) {
    const size_t id = static_cast<size_t>(special_base + special.offset);
    PACELINE_ASSERT(id < vocabulary.tokens.size());
    vocabulary.tokens[id] = special.text;
    vocabulary.kinds[id] = special.kind;
  }
}

}  // namespace

Vocabulary make_vocabulary(int vocab_size, int special_base) {
  Vocabulary vocabulary;
  vocabulary.tokens.reserve(static_cast<size_t>(vocab_size));
  add_bytes(vocabulary.tokens);
  add_merges(vocabulary, static_cast<size_t>(special_base));
  PACELINE_ASSERT(vocabulary.tokens.size() == static_cast<size_t>(special_base));
  add_specials(vocabulary, vocab_size, special_base);
  vocabulary.end_of_text = special_base;
  vocabulary.end_of_turn = special_base + 2;
  return vocabulary;
}

const char* chat_template() {
  return "{%- for message in messages %}"
         "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}"
         "{%- endfor %}"
         "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}";
}

}  // namespace paceline::synth

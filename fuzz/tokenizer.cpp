// A vocabulary and a text, both from the fuzzer: the vocabulary is refused with an Error or tokenizes any bytes without losing one.
#include "text/tokenizer.h"

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/strings.h"
#include "text/byte_alphabet.h"

namespace {

using namespace paceline;

// Cuts the input into fields: a byte of length, then that many bytes.
class Fields {
 public:
  Fields(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}
  uint8_t byte() {
    if (rest_.empty()) return 0;
    const uint8_t value = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return value;
  }
  std::string text() {
    const std::string_view taken = rest_.substr(0, byte() % 16);
    rest_.remove_prefix(taken.size());
    return std::string(taken);
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

VocabularyData make_vocabulary(Fields& fields) {
  static const char* const names[] = {"qwen35", "qwen2", "gpt-2", "llama-bpe"};
  VocabularyData data;
  data.pretokenizer = names[fields.byte() % 4];
  for (int byte = 0; byte < 256; ++byte) data.tokens.push_back(spell_bytes(std::string(1, static_cast<char>(byte))));
  data.kinds.assign(256, TokenKind::Normal);
  for (int count = fields.byte() % 64; count > 0; --count) {
    const uint8_t shape = fields.byte();
    if (shape < 128) {  // a merge of two tokens that exist
      const std::string left = data.tokens[fields.byte() % data.tokens.size()],
                        right = data.tokens[fields.byte() % data.tokens.size()];
      data.merges.push_back(cat(left, " ", right));
      data.tokens.push_back(cat(left, right));
      data.kinds.push_back(TokenKind::Normal);
    } else if (shape < 250) {
      data.tokens.push_back(shape < 200 ? fields.text() : spell_bytes(fields.text()));
      data.kinds.push_back(static_cast<TokenKind>(1 + shape % 6));
    } else {
      data.merges.push_back(fields.text());
    }
  }
  if (const uint8_t id = fields.byte(); id < 64) data.eos = 256 + id, data.bos = id;
  return data;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  Fields fields(bytes, size);
  const VocabularyData data = make_vocabulary(fields);
  std::unique_ptr<Tokenizer> tokenizer;
  try {
    tokenizer = Tokenizer::build(data);
  } catch (const Error&) {
    return 0;
  }
  for (const Token token : tokenizer->end_tokens()) PACELINE_ASSERT(token >= 0 && token < tokenizer->vocab_size());
  for (const bool parse_special : {false, true}) {
    const std::vector<Token> tokens = tokenizer->encode(fields.rest(), parse_special);
    for (const Token token : tokens) PACELINE_ASSERT(token >= 0 && token < tokenizer->vocab_size());
    PACELINE_ASSERT(tokenizer->decode(tokens, true) == fields.rest());
  }
  return 0;
}

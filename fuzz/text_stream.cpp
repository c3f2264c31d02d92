// Any bytes cut anywhere: what the stream releases is always UTF-8, and together what the bytes are.
#include "text/text_stream.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/utf8.h"
#include "text/byte_alphabet.h"

namespace {

using namespace paceline;

const Tokenizer& byte_tokenizer() {
  static const std::unique_ptr<Tokenizer> tokenizer = [] {
    VocabularyData data;
    data.pretokenizer = "qwen35";
    for (int byte = 0; byte < 256; ++byte) data.tokens.push_back(spell_bytes(std::string(1, static_cast<char>(byte))));
    return Tokenizer::build(data);
  }();
  return *tokenizer;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const uint8_t seed = bytes[0];
  const std::string_view text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  TextStream replace(byte_tokenizer()), keep(byte_tokenizer(), InvalidBytes::Keep);
  std::string replaced, kept;
  uint32_t random = seed;
  for (size_t at = 0; at < text.size();) {
    random = random * 1664525 + 1013904223;
    const std::string_view part = text.substr(at, 1 + (random >> 28) % (1 + seed % 7));
    const std::string released = replace.push_bytes(part);
    PACELINE_ASSERT(is_valid_utf8(released));
    replaced += released;
    kept += keep.push_bytes(part);
    at += part.size();
  }
  replaced += replace.finish();
  PACELINE_ASSERT(kept + keep.finish() == text);
  PACELINE_ASSERT(replaced == replace_invalid_utf8(text));
  return 0;
}

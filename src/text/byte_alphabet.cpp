#include "text/byte_alphabet.h"

#include <array>

#include "base/utf8.h"

namespace paceline {

namespace {

constexpr uint32_t kShiftedCount = 68;
constexpr uint32_t kAlphabetEnd = 0x100 + kShiftedCount;

constexpr bool is_printable(uint32_t byte) {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

struct Alphabet {
  std::array<uint32_t, 256> character{};       // of a byte
  std::array<int16_t, kAlphabetEnd> byte{};    // of a character, -1: none
};

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  for (int16_t& byte : alphabet.byte) byte = -1;
  uint32_t next = 0x100;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    alphabet.character[byte] = is_printable(byte) ? byte : next++;
    alphabet.byte[alphabet.character[byte]] = static_cast<int16_t>(byte);
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

std::string spell_bytes(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) append_utf8(out, kAlphabet.character[static_cast<unsigned char>(byte)]);
  return out;
}

void append_unspelled(std::string& out, std::string_view text) {
  while (!text.empty()) {
    if (const unsigned char first = static_cast<unsigned char>(text[0]); is_printable(first) && first < 0x80) {
      out += text[0];  // most of the alphabet, and most of a vocabulary, is ASCII
      text.remove_prefix(1);
      continue;
    }
    const CodePoint code_point = decode_utf8(text);
    const size_t length = static_cast<size_t>(code_point.length);
    const int byte = code_point.valid && code_point.value < kAlphabetEnd ? kAlphabet.byte[code_point.value] : -1;
    if (byte >= 0) out += static_cast<char>(byte);
    else out += text.substr(0, length);
    text.remove_prefix(length);
  }
}

std::string unspell_bytes(std::string_view text) {
  std::string out;
  append_unspelled(out, text);
  return out;
}

}  // namespace paceline

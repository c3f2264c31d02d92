#pragma once
// UTF-8 by the strict definition (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. Byte strings that come from
// outside are checked or repaired here before anyone calls them text.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace paceline {

inline constexpr uint32_t kReplacementCharacter = 0xFFFD;

struct CodePoint {
  uint32_t value = kReplacementCharacter;
  int length = 1;  // bytes; when invalid, the bytes one U+FFFD stands for (Unicode's maximal subpart), at least 1
  bool valid = false;
};

// The code point at the start of `text`, which must not be empty.
CodePoint decode_utf8(std::string_view text);

bool is_valid_utf8(std::string_view text);

// Bytes at the end of `text` (0 to 3) that begin a code point which more bytes could complete.
size_t incomplete_utf8_tail(std::string_view text);

// `code_point` must be a Unicode scalar value (not a surrogate, at most U+10FFFF).
void append_utf8(std::string& out, uint32_t code_point);

// `text` with every invalid sequence replaced by U+FFFD.
std::string replace_invalid_utf8(std::string_view text);

// `text` as a terminal may be given it, whoever wrote it: control characters as ^X; those above U+007F, what turns the writing direction and
// what is invalid as U+FFFD. Characters of `kept` stay.
std::string printable(std::string_view text, std::string_view kept = "");

}  // namespace paceline

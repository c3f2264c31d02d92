#pragma once
// GPT-2's printable spelling of bytes, in which GGUF files write normal tokens and merges (spec 8.1, step 3): the bytes 33–126,
// 161–172 and 174–255 are the characters of the same number, the other 68 are U+0100 upward in order.
#include <string>
#include <string_view>

namespace paceline {

// The spelling of `bytes`.
std::string spell_bytes(std::string_view bytes);

// The bytes behind a spelling; characters outside the alphabet stand for their own UTF-8 bytes, and bytes that are not UTF-8 for
// themselves, so that this never fails.
std::string unspell_bytes(std::string_view text);
void append_unspelled(std::string& out, std::string_view text);

}  // namespace paceline

#include "base/utf8.h"

#include "base/error.h"

namespace paceline {

namespace {

// How long a code point with this first byte is, and the range its second byte must be in (Unicode, table 3-7). Length 0: no such
// first byte.
struct LeadByte {
  int length;
  uint8_t second_lowest, second_highest;
};

LeadByte classify(uint8_t lead) {
  if (lead < 0x80) return {1, 0, 0};
  if (lead < 0xC2) return {0, 0, 0};
  if (lead < 0xE0) return {2, 0x80, 0xBF};
  if (lead == 0xE0) return {3, 0xA0, 0xBF};
  if (lead == 0xED) return {3, 0x80, 0x9F};
  if (lead < 0xF0) return {3, 0x80, 0xBF};
  if (lead == 0xF0) return {4, 0x90, 0xBF};
  if (lead < 0xF4) return {4, 0x80, 0xBF};
  if (lead == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

uint8_t byte_at(std::string_view text, size_t index) { return static_cast<uint8_t>(text[index]); }

// How many bytes at the start of `text` belong to a code point of this lead byte, the lead included.
int matching_bytes(std::string_view text, const LeadByte& lead) {
  int count = 1;
  while (count < lead.length && static_cast<size_t>(count) < text.size()) {
    const uint8_t next = byte_at(text, static_cast<size_t>(count));
    const uint8_t lowest = count == 1 ? lead.second_lowest : 0x80, highest = count == 1 ? lead.second_highest : 0xBF;
    if (next < lowest || next > highest) break;
    ++count;
  }
  return count;
}

// Code points that are drawn as nothing or turn the writing direction: they would make the cursor lie.
bool is_hidden(uint32_t value) {
  return (value >= 0x202A && value <= 0x202E) || (value >= 0x2066 && value <= 0x2069) || value == 0x2028 ||
         value == 0x2029;
}

void append_printable(std::string& out, uint32_t value) {
  if (value < 0x20) out += {'^', static_cast<char>('@' + value)};
  else if (value == 0x7F) out += "^?";
  else append_utf8(out, (value >= 0x80 && value < 0xA0) || is_hidden(value) ? kReplacementCharacter : value);
}

}  // namespace

CodePoint decode_utf8(std::string_view text) {
  PACELINE_ASSERT(!text.empty());
  const uint8_t first = byte_at(text, 0);
  if (first < 0x80) return {first, 1, true};
  const LeadByte lead = classify(first);
  const int count = matching_bytes(text, lead);
  if (count != lead.length) return {kReplacementCharacter, count, false};
  uint32_t value = first & (0xFFu >> (lead.length + 1));
  for (int i = 1; i < lead.length; ++i) value = (value << 6) | (byte_at(text, static_cast<size_t>(i)) & 0x3Fu);
  return {value, lead.length, true};
}

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint next = decode_utf8(text);
    if (!next.valid) return false;
    text.remove_prefix(static_cast<size_t>(next.length));
  }
  return true;
}

size_t incomplete_utf8_tail(std::string_view text) {
  for (size_t length = 1; length <= 3 && length <= text.size(); ++length) {
    const std::string_view tail = text.substr(text.size() - length);
    const LeadByte lead = classify(byte_at(tail, 0));
    if (lead.length <= 1) {
      if (byte_at(tail, 0) >= 0x80 && byte_at(tail, 0) < 0xC0) continue;  // a continuation byte: look further back
      return 0;
    }
    const bool unfinished =
        static_cast<size_t>(lead.length) > length && matching_bytes(tail, lead) == static_cast<int>(length);
    return unfinished ? length : 0;
  }
  return 0;
}

void append_utf8(std::string& out, uint32_t code_point) {
  PACELINE_ASSERT(code_point <= 0x10FFFF && (code_point < 0xD800 || code_point > 0xDFFF));
  const auto put = [&out](uint32_t byte) { out += static_cast<char>(static_cast<uint8_t>(byte)); };
  if (code_point < 0x80) return put(code_point);
  if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3F));
  } else {
    put(0xF0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3F));
    put(0x80 | ((code_point >> 6) & 0x3F));
  }
  put(0x80 | (code_point & 0x3F));
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint next = decode_utf8(text);
    if (next.valid) {
      out += text.substr(0, static_cast<size_t>(next.length));
    } else {
      append_utf8(out, kReplacementCharacter);
    }
    text.remove_prefix(static_cast<size_t>(next.length));
  }
  return out;
}

std::string printable(std::string_view text, std::string_view kept) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint next = decode_utf8(text);
    if (kept.find(text[0]) != std::string_view::npos) out += text[0];
    else append_printable(out, next.value);
    text.remove_prefix(static_cast<size_t>(next.length));
  }
  return out;
}

}  // namespace paceline

#include "app/terminal/text_width.h"

#include <utf8proc.h>

#include <algorithm>

#include "base/utf8.h"

namespace paceline {

namespace {

constexpr uint32_t kEmojiPresentation = 0xFE0F;

}  // namespace

size_t next_character(std::string_view text, size_t at) {
  if (at >= text.size()) return text.size();
  CodePoint before = decode_utf8(text.substr(at));
  at += static_cast<size_t>(before.length);
  utf8proc_int32_t state = 0;
  while (at < text.size() && before.valid) {
    const CodePoint after = decode_utf8(text.substr(at));
    if (!after.valid || utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(before.value),
                                                         static_cast<utf8proc_int32_t>(after.value), &state))
      break;
    at += static_cast<size_t>(after.length);
    before = after;
  }
  return at;
}

// Cluster borders are only known from the left, so this walks from a place that certainly is one: the start of the line.
size_t previous_character(std::string_view text, size_t at) {
  at = std::min(at, text.size());
  if (at == 0) return 0;
  const size_t newline = at >= 2 ? text.rfind('\n', at - 2) : std::string_view::npos;
  size_t start = newline == std::string_view::npos ? 0 : newline + 1;
  for (size_t end = next_character(text, start); end < at; end = next_character(text, start)) start = end;
  return start;
}

std::string shown_character(std::string_view character) {
  return character == "\t" ? std::string(kTabColumns, ' ') : printable(character);
}

// A cluster is as wide as its widest code point: marks and joiners add nothing, a joined family of emoji is one emoji wide.
int character_width(std::string_view character) {
  if (character.size() == 1 && character[0] >= ' ' && character[0] < 0x7F) return 1;
  const std::string shown = shown_character(character);
  if (character == "\t" || (shown.size() > 1 && shown[0] == '^')) return static_cast<int>(shown.size());
  int width = 0;
  for (std::string_view rest = shown; !rest.empty();) {
    const CodePoint point = decode_utf8(rest);
    width = std::max(width, point.value == kEmojiPresentation
                                ? (width > 0 ? 2 : 0)
                                : utf8proc_charwidth(static_cast<utf8proc_int32_t>(point.value)));
    rest.remove_prefix(static_cast<size_t>(point.length));
  }
  return width;
}

int text_width(std::string_view text) {
  int width = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = next_character(text, at);
    width += character_width(text.substr(at, end - at));
    at = end;
  }
  return width;
}

}  // namespace paceline

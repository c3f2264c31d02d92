#include "text/jinja/characters.h"

#include <algorithm>
#include <iterator>
#include <span>

#include "base/utf8.h"

namespace paceline::jinja {

namespace {

struct CaseRun {
  uint32_t first, last;
  int step, difference;
};
struct CaseString {
  uint32_t code_point;
  const char* text;
};

#include "text/jinja/characters_data.inc"

bool inside(std::span<const uint32_t> toggles, uint32_t code_point) {
  return (std::upper_bound(toggles.begin(), toggles.end(), code_point) - toggles.begin()) % 2 == 1;
}

void append_mapped(std::string& out, uint32_t code_point, std::span<const CaseRun> runs,
                   std::span<const CaseString> strings) {
  const auto text = std::lower_bound(strings.begin(), strings.end(), code_point,
                                     [](const CaseString& row, uint32_t value) { return row.code_point < value; });
  if (text != strings.end() && text->code_point == code_point) {
    out += text->text;
    return;
  }
  const auto run = std::lower_bound(runs.begin(), runs.end(), code_point,
                                    [](const CaseRun& row, uint32_t value) { return row.last < value; });
  const bool mapped = run != runs.end() && run->first <= code_point &&
                      (code_point - run->first) % static_cast<uint32_t>(run->step) == 0;
  append_utf8(out, mapped ? static_cast<uint32_t>(static_cast<int64_t>(code_point) + run->difference) : code_point);
}

void append_upper(std::string& out, uint32_t code_point) {
  append_mapped(out, code_point, kToUpperRuns, kToUpperStrings);
}
void append_title(std::string& out, uint32_t code_point) {
  append_mapped(out, code_point, kToTitleRuns, kToTitleStrings);
}

constexpr uint32_t kSigma = 0x3A3, kFinalSigma = 0x3C2;

// A capital sigma is final when a cased character stands before it and none behind, case-ignorable ones skipped.
bool is_final_sigma(std::string_view text, size_t begin, size_t end) {
  bool cased_before = false;
  for (size_t byte = begin; byte > 0 && !cased_before;) {
    do --byte;
    while ((static_cast<uint8_t>(text[byte]) & 0xC0) == 0x80);
    size_t at = byte;
    const uint32_t before = next_code_point(text, at);
    if (is(CharacterClass::CaseIgnorable, before)) continue;
    if (!is(CharacterClass::Cased, before)) return false;
    cased_before = true;
  }
  if (!cased_before) return false;
  for (size_t byte = end; byte < text.size();) {
    const uint32_t behind = next_code_point(text, byte);
    if (!is(CharacterClass::CaseIgnorable, behind)) return !is(CharacterClass::Cased, behind);
  }
  return true;
}

// Lower case of the code point at [begin, end) of `text`.
void append_lower(std::string& out, std::string_view text, size_t begin, size_t end, uint32_t code_point) {
  if (code_point == kSigma && is_final_sigma(text, begin, end)) append_utf8(out, kFinalSigma);
  else append_mapped(out, code_point, kToLowerRuns, kToLowerStrings);
}

}  // namespace

bool is(CharacterClass which, uint32_t code_point) {
  switch (which) {
    case CharacterClass::Printable: return inside(kPrintable, code_point);
    case CharacterClass::Space: return inside(kSpace, code_point);
    case CharacterClass::Alphabetic: return inside(kAlphabetic, code_point);
    case CharacterClass::Decimal: return inside(kDecimal, code_point);
    case CharacterClass::Digit: return inside(kDigit, code_point);
    case CharacterClass::Numeric: return inside(kNumeric, code_point);
    case CharacterClass::Lower: return inside(kLower, code_point);
    case CharacterClass::Upper: return inside(kUpper, code_point);
    case CharacterClass::Title: return inside(kTitle, code_point);
    case CharacterClass::Cased: return inside(kCased, code_point);
    case CharacterClass::CaseIgnorable: return inside(kCaseIgnorable, code_point);
  }
  return false;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

uint32_t next_code_point(std::string_view text, size_t& byte) {
  const auto lead = static_cast<uint8_t>(text[byte]);
  if (lead < 0x80) {
    ++byte;
    return lead;
  }
  const CodePoint decoded = decode_utf8(text.substr(byte));
  byte += static_cast<size_t>(decoded.length);
  return decoded.value;
}

size_t code_point_count(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

size_t byte_of(std::string_view text, size_t index) {
  for (size_t byte = 0; byte < text.size(); ++byte) {
    if ((static_cast<uint8_t>(text[byte]) & 0xC0) != 0x80 && index-- == 0) return byte;
  }
  return text.size();
}

std::string to_upper(std::string_view text) {
  std::string out;
  for (size_t byte = 0; byte < text.size();) append_upper(out, next_code_point(text, byte));
  return out;
}

std::string to_lower(std::string_view text) {
  std::string out;
  for (size_t byte = 0; byte < text.size();) {
    const size_t begin = byte;
    const uint32_t code_point = next_code_point(text, byte);
    append_lower(out, text, begin, byte, code_point);
  }
  return out;
}

std::string to_title(std::string_view text) {
  std::string out;
  bool in_word = false;
  for (size_t byte = 0; byte < text.size();) {
    const size_t begin = byte;
    const uint32_t code_point = next_code_point(text, byte);
    if (in_word) append_lower(out, text, begin, byte, code_point);
    else append_title(out, code_point);
    in_word = is(CharacterClass::Cased, code_point);
  }
  return out;
}

std::string capitalize(std::string_view text) {
  std::string out;
  for (size_t byte = 0; byte < text.size();) {
    const size_t begin = byte;
    const uint32_t code_point = next_code_point(text, byte);
    if (begin == 0) append_title(out, code_point);
    else append_lower(out, text, begin, byte, code_point);
  }
  return out;
}

std::string case_fold(std::string_view text) {
  std::string out;
  for (size_t byte = 0; byte < text.size();) append_mapped(out, next_code_point(text, byte), kFoldRuns, kFoldStrings);
  return out;
}

std::string swap_case(std::string_view text) {
  std::string out;
  for (size_t byte = 0; byte < text.size();) {
    const size_t begin = byte;
    const uint32_t code_point = next_code_point(text, byte);
    if (is(CharacterClass::Upper, code_point)) append_lower(out, text, begin, byte, code_point);
    else if (is(CharacterClass::Lower, code_point)) append_upper(out, code_point);
    else append_utf8(out, code_point);
  }
  return out;
}

namespace {

template <class Unwanted>
std::string_view strip_left_if(std::string_view text, Unwanted unwanted) {
  size_t kept = 0;
  while (kept < text.size()) {
    size_t next = kept;
    if (!unwanted(next_code_point(text, next))) break;
    kept = next;
  }
  return text.substr(kept);
}

template <class Unwanted>
std::string_view strip_right_if(std::string_view text, Unwanted unwanted) {
  while (!text.empty()) {
    size_t begin = text.size() - 1;
    while (begin > 0 && (static_cast<uint8_t>(text[begin]) & 0xC0) == 0x80) --begin;
    size_t at = begin;
    if (!unwanted(next_code_point(text, at))) break;
    text = text.substr(0, begin);
  }
  return text;
}

bool is_space(uint32_t code_point) { return is(CharacterClass::Space, code_point); }

auto one_of(std::string_view characters) {
  return [characters](uint32_t wanted) {
    for (size_t byte = 0; byte < characters.size();) {
      if (next_code_point(characters, byte) == wanted) return true;
    }
    return false;
  };
}

}  // namespace

std::string_view strip_left(std::string_view text) { return strip_left_if(text, is_space); }
std::string_view strip_right(std::string_view text) { return strip_right_if(text, is_space); }
std::string_view strip_left(std::string_view text, std::string_view characters) {
  return strip_left_if(text, one_of(characters));
}
std::string_view strip_right(std::string_view text, std::string_view characters) {
  return strip_right_if(text, one_of(characters));
}

bool has_case(std::string_view text, bool upper) {
  const CharacterClass wanted = upper ? CharacterClass::Upper : CharacterClass::Lower;
  const CharacterClass unwanted = upper ? CharacterClass::Lower : CharacterClass::Upper;
  bool any = false;
  for (size_t byte = 0; byte < text.size();) {
    const uint32_t code_point = next_code_point(text, byte);
    if (is(unwanted, code_point) || is(CharacterClass::Title, code_point)) return false;
    any = any || is(wanted, code_point);
  }
  return any;
}

std::vector<std::string> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string> lines;
  size_t start = 0;
  for (size_t byte = 0; byte < text.size();) {
    const size_t end = byte;
    const uint32_t c = next_code_point(text, byte);
    const bool breaks = (c >= '\n' && c <= '\r') || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
    if (!breaks) continue;
    if (c == '\r' && byte < text.size() && text[byte] == '\n') ++byte;
    lines.emplace_back(text.substr(start, (keep_ends ? byte : end) - start));
    start = byte;
  }
  if (start < text.size()) lines.emplace_back(text.substr(start));
  return lines;
}

}  // namespace paceline::jinja

#include "app/terminal/key_decoder.h"

#include <algorithm>

#include "base/utf8.h"

namespace paceline {

namespace {

constexpr std::string_view kInterrupt = "\x03";
constexpr std::string_view kPasteEnd = "\x1b[201~";
constexpr size_t kLongestSequence =
    64;  // a terminal sends nothing longer; noise must not swallow what is typed after it

std::optional<KeyKind> control_key(char byte) {
  switch (byte) {
    case '\r':
    case '\n': return KeyKind::Enter;
    case '\t': return KeyKind::Tab;
    case '\x7f':
    case '\b': return KeyKind::Backspace;
    case 'A' - '@': return KeyKind::Home;
    case 'B' - '@': return KeyKind::Left;
    case 'C' - '@': return KeyKind::Interrupt;
    case 'D' - '@': return KeyKind::EndOfInput;
    case 'E' - '@': return KeyKind::End;
    case 'F' - '@': return KeyKind::Right;
    case 'K' - '@': return KeyKind::KillToEnd;
    case 'L' - '@': return KeyKind::ClearScreen;
    case 'N' - '@': return KeyKind::Down;
    case 'P' - '@': return KeyKind::Up;
    case 'U' - '@': return KeyKind::KillToStart;
    case 'W' - '@': return KeyKind::KillWordLeft;
    case 'Y' - '@': return KeyKind::Yank;
    case 'Z' - '@': return KeyKind::Suspend;
    default: return std::nullopt;
  }
}

// The key of ESC + byte.
std::optional<KeyKind> alt_key(char byte) {
  switch (byte) {
    case '\r':
    case '\n': return KeyKind::NewLine;
    case 'b': return KeyKind::WordLeft;
    case 'f': return KeyKind::WordRight;
    case 'd': return KeyKind::KillWordRight;
    case '\x7f':
    case '\b': return KeyKind::KillWordLeft;
    default: return std::nullopt;
  }
}

// The key of a CSI or SS3 sequence from its parameters ("1;5") and final byte. A modifier turns arrows into steps of a word.
std::optional<KeyKind> sequence_key(std::string_view parameters, char final_byte) {
  const bool modified = parameters.find(';') != std::string_view::npos;
  switch (final_byte) {
    case 'A': return KeyKind::Up;
    case 'B': return KeyKind::Down;
    case 'C': return modified ? KeyKind::WordRight : KeyKind::Right;
    case 'D': return modified ? KeyKind::WordLeft : KeyKind::Left;
    case 'H': return KeyKind::Home;
    case 'F': return KeyKind::End;
    case 'M': return KeyKind::Enter;  // SS3 M: the keypad's
    case 'u':  // CSI code ; modifiers u
      return parameters.starts_with("13;") ? std::optional(KeyKind::NewLine) : std::nullopt;
    case '~':
      if (parameters.starts_with("27;") && parameters.ends_with(";13")) return KeyKind::NewLine;  // modifyOtherKeys
      if (parameters == "1" || parameters == "7") return KeyKind::Home;
      if (parameters == "4" || parameters == "8") return KeyKind::End;
      if (parameters == "3") return KeyKind::Delete;
      if (parameters.starts_with("3;")) return KeyKind::KillWordRight;
      return std::nullopt;
    default: return std::nullopt;
  }
}

// Pasted line ends may be CR, LF or both; inside a text they are \n. Other control characters but tabs go.
std::string cleaned_paste(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\r') out += '\n', i += i + 1 < text.size() && text[i + 1] == '\n' ? 1 : 0;
    else if (c == '\n' || c == '\t' || static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return replace_invalid_utf8(out);
}

}  // namespace

std::vector<Key> KeyDecoder::push(std::string_view bytes) {
  std::vector<Key> keys;
  if (in_paste_ && bytes == kInterrupt) {
    pending_.clear(), paste_.clear();
    in_paste_ = false;
  }
  pending_ += bytes;
  size_t used = 0;
  while (!pending_.empty() && (used = take(keys)) > 0) pending_.erase(0, used);
  return keys;
}

void KeyDecoder::forget_pending() {
  if (!in_paste_) pending_.erase(0, pending_.size() - incomplete_utf8_tail(pending_));
}

size_t KeyDecoder::take(std::vector<Key>& keys) {
  if (in_paste_) return take_paste(keys);
  if (pending_[0] == '\x1b') return take_escape(keys);
  if (const auto kind = control_key(pending_[0])) {
    keys.push_back({*kind});
    return 1;
  }
  if (static_cast<unsigned char>(pending_[0]) < 0x20) return 1;
  return take_text(keys);
}

size_t KeyDecoder::take_paste(std::vector<Key>& keys) {
  const size_t end = pending_.find(kPasteEnd);
  if (end == std::string::npos) {
    // All but what may be the beginning of the end.
    const size_t sure = pending_.size() - std::min(pending_.size(), kPasteEnd.size() - 1);
    paste_.append(pending_, 0, sure);
    return sure;
  }
  paste_.append(pending_, 0, end);
  keys.push_back({KeyKind::Paste, cleaned_paste(paste_)});
  paste_.clear();
  in_paste_ = false;
  return end + kPasteEnd.size();
}

size_t KeyDecoder::take_escape(std::vector<Key>& keys) {
  if (pending_.size() < 2) return 0;
  if (pending_[1] == '[' || pending_[1] == 'O') return take_control_sequence(keys);
  if (pending_[1] == '\x1b') return 1;
  if (incomplete_utf8_tail(pending_) == pending_.size() - 1) return 0;
  if (const auto kind = alt_key(pending_[1])) keys.push_back({*kind});
  return 1 + static_cast<size_t>(decode_utf8(std::string_view(pending_).substr(1)).length);
}

size_t KeyDecoder::take_control_sequence(std::vector<Key>& keys) {
  size_t end = 2;
  while (end < pending_.size() && pending_[end] >= 0x20 && pending_[end] < 0x40) ++end;
  if (end == pending_.size()) return end > kLongestSequence ? end : 0;
  const std::string_view parameters = std::string_view(pending_).substr(2, end - 2);
  if (pending_[end] == '~' && parameters == "200") in_paste_ = true;
  else if (const auto kind = sequence_key(parameters, pending_[end])) keys.push_back({*kind});
  return end + 1;
}

// As much typed text as there is; a code point that is not complete waits.
size_t KeyDecoder::take_text(std::vector<Key>& keys) {
  size_t end = 0;
  while (end < pending_.size() && static_cast<unsigned char>(pending_[end]) >= 0x20 && pending_[end] != '\x7f') ++end;
  if (end == pending_.size()) end -= incomplete_utf8_tail(pending_);
  if (end > 0) keys.push_back({KeyKind::Text, replace_invalid_utf8(std::string_view(pending_).substr(0, end))});
  return end;
}

}  // namespace paceline

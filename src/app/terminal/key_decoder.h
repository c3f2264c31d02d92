#pragma once
// Bytes from a terminal in raw mode -> keys. Escape sequences of xterm and its relatives (CSI, SS3, modifiers), UTF-8, and bracketed
// paste, whose text is one key however long. Bytes may arrive cut anywhere; sequences that are not known are dropped whole. Ctrl-C by
// itself ends a paste that lost its end.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace paceline {

enum class KeyKind {
  Text,  // typed or pasted: `text`
  Paste,
  Enter,
  NewLine,  // Alt-Enter: goes on in the next line
  Tab,
  Backspace,
  Delete,
  Left,
  Right,
  Up,
  Down,
  WordLeft,
  WordRight,
  Home,
  End,
  KillToEnd,
  KillToStart,
  KillWordLeft,
  KillWordRight,
  Yank,
  Interrupt,
  EndOfInput,  // Ctrl-D: the end, or Delete within a text
  ClearScreen,
  Suspend,
};

struct Key {
  KeyKind kind = KeyKind::Text;
  std::string text = {};
  bool operator==(const Key&) const = default;
};

class KeyDecoder {
 public:
  std::vector<Key> push(std::string_view bytes);
  // A sequence has begun: the next byte decides.
  bool is_waiting() const { return pending_.starts_with('\x1b') && !in_paste_; }
  // Nothing more came in time: what is waiting was no sequence. The beginning of a character stays.
  void forget_pending();

 private:
  // The number of bytes used, 0 when more are needed.
  size_t take(std::vector<Key>& keys);
  size_t take_paste(std::vector<Key>& keys);
  size_t take_escape(std::vector<Key>& keys);
  size_t take_control_sequence(std::vector<Key>& keys);
  size_t take_text(std::vector<Key>& keys);

  std::string pending_;
  std::string paste_;
  bool in_paste_ = false;
};

}  // namespace paceline

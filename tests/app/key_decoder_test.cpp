#include "app/terminal/key_decoder.h"

#include <gtest/gtest.h>

namespace paceline {
namespace {

using Keys = std::vector<Key>;

Keys decode(std::string_view bytes) { return KeyDecoder().push(bytes); }

// Neighbouring texts are one, however they were cut.
Keys joined(const Keys& keys) {
  Keys out;
  for (const Key& key : keys) {
    if (!out.empty() && key.kind == KeyKind::Text && out.back().kind == KeyKind::Text) out.back().text += key.text;
    else out.push_back(key);
  }
  return out;
}

TEST(KeyDecoder, TextAndControlKeys) {
  EXPECT_EQ(decode("hé\r"), (Keys{{KeyKind::Text, "hé"}, {KeyKind::Enter}}));
  EXPECT_EQ(decode("\x03\x04\x7f\t"),
            (Keys{{KeyKind::Interrupt}, {KeyKind::EndOfInput}, {KeyKind::Backspace}, {KeyKind::Tab}}));
  EXPECT_EQ(decode(std::string_view("\0a\x1c", 3)), (Keys{{KeyKind::Text, "a"}}));
}

TEST(KeyDecoder, EscapeSequences) {
  EXPECT_EQ(
      decode("\x1b[A\x1bOB\x1b[1;5C\x1b[3~\x1b[H\x1bOF"),
      (Keys{{KeyKind::Up}, {KeyKind::Down}, {KeyKind::WordRight}, {KeyKind::Delete}, {KeyKind::Home}, {KeyKind::End}}));
  EXPECT_EQ(decode("\x1b\r\x1b\x62\x1b\x7f"), (Keys{{KeyKind::NewLine}, {KeyKind::WordLeft}, {KeyKind::KillWordLeft}}));
  EXPECT_EQ(decode("\x1b[13;2u\x1b[27;2;13~"), (Keys{{KeyKind::NewLine}, {KeyKind::NewLine}}));
  EXPECT_EQ(decode("\x1b[24~\x1b[?1;2c\x1b[Ix"), (Keys{{KeyKind::Text, "x"}}))
      << "unknown sequences leave nothing behind";
}

TEST(KeyDecoder, ALoneEscapeIsForgotten) {
  KeyDecoder decoder;
  EXPECT_TRUE(decoder.push("\x1b").empty());
  EXPECT_TRUE(decoder.is_waiting());
  decoder.forget_pending();
  EXPECT_EQ(decoder.push("a"), (Keys{{KeyKind::Text, "a"}}));
  EXPECT_FALSE(decoder.is_waiting());
}

TEST(KeyDecoder, APauseForgetsNoCharacter) {
  for (const std::string_view begin : {"\xe6\xbc", "\x1b\xe6\xbc"}) {  // of 漢
    KeyDecoder decoder;
    EXPECT_TRUE(decoder.push(begin).empty());
    decoder.forget_pending();
    EXPECT_FALSE(decoder.is_waiting());
    EXPECT_EQ(decoder.push("\xa2"), (Keys{{KeyKind::Text, "漢"}}));
  }
}

TEST(KeyDecoder, AltWithACharacterIsOneKey) {
  EXPECT_EQ(decode("\x1bé\x1b漢x\x1b\xff!"), (Keys{{KeyKind::Text, "x"}, {KeyKind::Text, "!"}}));
}

TEST(KeyDecoder, CtrlCEndsAPasteThatDoesNotEnd) {
  KeyDecoder decoder;
  EXPECT_TRUE(decoder.push("\x1b[200~a\x03text\r").empty());
  EXPECT_TRUE(decoder.push("\x04").empty());
  EXPECT_EQ(decoder.push("\x03"), (Keys{{KeyKind::Interrupt}}));
  EXPECT_EQ(decoder.push("b\r"), (Keys{{KeyKind::Text, "b"}, {KeyKind::Enter}}));
}

TEST(KeyDecoder, APasteIsOneKeyWithCleanLineEnds) {
  EXPECT_EQ(decode("\x1b[200~a\r\nb\rc\n\x1b[31md\x01\te\x1b[201~\r"),
            (Keys{{KeyKind::Paste, "a\nb\nc\n[31md\te"}, {KeyKind::Enter}}));
  KeyDecoder decoder;
  EXPECT_TRUE(decoder.push("\x1b[200~never ended \x1b[20").empty());
  EXPECT_FALSE(decoder.is_waiting()) << "a paste may take its time";
  decoder.forget_pending();
  EXPECT_EQ(decoder.push("1~"), (Keys{{KeyKind::Paste, "never ended "}}));
}

TEST(KeyDecoder, BytesMayBeCutAnywhere) {
  const std::string bytes = "a漢👩‍👧\x1b[1;5D\x1b[200~x\r\ny漢\x1b[201~\x1b\rß\x1b[3~\x1bé\xff!\r";
  const Keys whole = joined(decode(bytes));
  ASSERT_EQ(whole.size(), 8u);
  for (size_t first = 0; first <= bytes.size(); ++first)
    for (size_t second = first; second <= bytes.size(); ++second) {
      KeyDecoder decoder;
      Keys keys;
      for (const std::string& part :
           {bytes.substr(0, first), bytes.substr(first, second - first), bytes.substr(second)})
        for (Key& key : decoder.push(part)) keys.push_back(std::move(key));
      ASSERT_EQ(joined(keys), whole) << first << " " << second;
    }
}

}  // namespace
}  // namespace paceline

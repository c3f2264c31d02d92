#pragma once
// Turns tokens into text that never splits a UTF-8 sequence: incomplete bytes wait for the next token; bytes that can never become
// valid come out as U+FFFD, or raw when the consumer wants bytes. However the bytes arrive, the text is the same.
#include <string>
#include <string_view>

#include "text/tokenizer.h"

namespace paceline {

enum class InvalidBytes { Replace, Keep };

class TextStream {
 public:
  explicit TextStream(const Tokenizer& tokenizer, InvalidBytes invalid = InvalidBytes::Replace, bool special = false)
      : tokenizer_(tokenizer), invalid_(invalid), special_(special) {}
  // The text that is complete after this token; may be empty.
  std::string push(Token token) { return push_bytes(tokenizer_.piece(token, special_)); }
  std::string push_bytes(std::string_view bytes);
  // What is left at the end of the stream.
  std::string finish();

 private:
  std::string release(std::string_view bytes) const;

  const Tokenizer& tokenizer_;
  InvalidBytes invalid_;
  bool special_;
  std::string pending_;  // the start of a code point, 0 to 3 bytes
};

}  // namespace paceline

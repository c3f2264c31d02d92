#pragma once
// Turns tokens into text that never splits a UTF-8 sequence: incomplete bytes wait for the next token; bytes that can never become
// valid come out as U+FFFD (or raw, when the consumer wants bytes).
#include <string>

#include "text/tokenizer.h"

namespace paceline {

class TextStream {
 public:
  explicit TextStream(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}
  // The text that is complete after this token; may be empty.
  std::string push(Token token);
  // What is left at the end of the stream.
  std::string finish();

 private:
  const Tokenizer& tokenizer_;
  std::string pending_;
};

}  // namespace paceline

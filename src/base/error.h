#pragma once
// The one exception type: the world is wrong (a file, a request, a flag, a device). Messages say what, where, expected, got,
// e.g. "model.gguf: blk.3.attn_q.weight is 4096x2048, expected 4096x4096 (head_count 32 x head_dim 128)".
// Our own mistakes are PACELINE_ASSERT; expected outcomes are optional, enum or bool.
#include <stdexcept>
#include <string>

#include "base/strings.h"

namespace paceline {

class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message) : std::runtime_error(message) {}
};

// A wrong command line: like Error, but main() exits with status 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

// fail("model.gguf: ", name, " has ", count, " columns, expected ", expected)
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(cat(parts...));
}

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace paceline

// Stays on in release: these checks are cheap and guard memory.
#define PACELINE_ASSERT(condition) \
  (static_cast<bool>(condition) ? void(0) : ::paceline::assertion_failed(#condition, __FILE__, __LINE__))

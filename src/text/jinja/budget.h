#pragma once
// What a render may cost. Templates come inside model files, so they are untrusted: every loop, call and allocation is charged here, and
// the first one beyond a limit ends the render with an error. Nothing in this folder recurses without a Depth or a bounded nesting.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.h"

namespace paceline::jinja {

struct Limits {
  int64_t steps = 50'000'000;  // evaluated nodes, loop items, and 64-byte pieces of text worked on
  int depth = 800;  // statements, expressions, macros and nested values inside one another
  int nesting = 200;  // containers inside containers
  size_t memory_bytes = size_t{256} << 20;  // texts and containers alive at the same time
  size_t output_bytes = size_t{64} << 20;
  size_t source_bytes = size_t{4} << 20;
};

// Errors carry the name of the exception that Python's Jinja2 raises in the same place.
class TemplateFailure : public Error {
 public:
  TemplateFailure(std::string kind, std::string message, int line);

  const std::string& kind() const { return kind_; }  // "UndefinedError", "TypeError", "LimitExceeded" …
  const std::string& message() const {
    return message_;
  }  // as Python words it; raise_exception: the template's own text
  int line() const { return line_; }  // of the template; 0: not known yet

 private:
  std::string kind_, message_;
  int line_;
};

template <class... Parts>
[[noreturn]] void raise(const char* kind, const Parts&... parts) {
  throw TemplateFailure(kind, cat(parts...), 0);
}

class Budget {
 public:
  explicit Budget(const Limits& limits) : limits_(limits) {}
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  const Limits& limits() const { return limits_; }
  void step(int64_t count = 1) {
    if ((steps_ += count) > limits_.steps) out_of_steps();
  }
  // Work that goes through so many bytes of text.
  void work(size_t bytes) { step(static_cast<int64_t>(bytes / 64) + 1); }

  void allocate(size_t bytes) {
    reserve(bytes);
    memory_bytes_ += bytes;
  }
  void release(size_t bytes) { memory_bytes_ -= bytes; }
  // Fails when `bytes` more would not fit: asked before something large is built.
  void reserve(size_t bytes) const {
    if (bytes > limits_.memory_bytes - memory_bytes_) out_of_memory(bytes);
  }
  void check_nesting(int nesting) const;
  size_t memory_bytes() const { return memory_bytes_; }
  int64_t steps() const { return steps_; }

 private:
  friend class Depth;
  [[noreturn]] void out_of_steps() const;
  [[noreturn]] void out_of_memory(size_t bytes) const;
  [[noreturn]] void too_deep() const;

  Limits limits_;
  int64_t steps_ = 0;
  size_t memory_bytes_ = 0;
  int depth_ = 0;
};

// One level of recursion, and one step.
class Depth {
 public:
  explicit Depth(Budget& budget) : budget_(budget) {
    budget_.step();
    if (budget_.depth_ >= budget_.limits_.depth) budget_.too_deep();
    ++budget_.depth_;
  }
  ~Depth() { --budget_.depth_; }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;

 private:
  Budget& budget_;
};

}  // namespace paceline::jinja

#pragma once
// The `loop` variable of a for statement (Jinja's LoopContext): looks one item ahead only when asked for it, and consumes the rest of a
// generator only when asked for its length.
#include <optional>
#include <string>
#include <string_view>

#include "text/jinja/value.h"

namespace paceline::jinja {

struct Statement;
struct Scope;

class Loop {
 public:
  // `statement` and `scope` are those of a recursive loop, else null.
  Loop(Budget& budget, const Value& iterable, NextItem next, int depth);

  bool advance(Value& item);
  size_t length();
  std::optional<Value> attribute(Interpreter& interpreter, std::string_view name);
  std::string described();
  bool changed(const Values& values);
  const Value& cycle(const Values& values) const;
  int depth() const { return depth_; }
  void clear();

  const Statement* statement = nullptr;  // of a recursive loop
  std::shared_ptr<Scope> scope;

 private:
  Value undefined(const char* message) const;
  bool peek();

  Budget& budget_;
  NextItem next_;
  std::optional<size_t> length_;
  std::optional<Value> ahead_, current_, before_;
  std::optional<Values> last_changed_;
  Integer index0_ = -1;
  int depth_;
};

}  // namespace paceline::jinja

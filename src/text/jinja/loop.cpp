#include "text/jinja/loop.h"

#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"

namespace paceline::jinja {

Loop::Loop(Budget& budget, const Value& iterable, NextItem next, int depth)
    : budget_(budget), next_(std::move(next)), depth_(depth) {
  if (iterable.is(Kind::Text) || iterable.is(Kind::Sequence) || iterable.is(Kind::Dict))
    length_ = jinja::length(iterable);
}

bool Loop::advance(Value& item) {
  if (ahead_) {
    item = std::move(*ahead_);
    ahead_.reset();
  } else if (!next_(item)) {
    return false;
  }
  ++index0_;
  before_ = std::move(current_);
  current_ = item;
  return true;
}

bool Loop::peek() {
  if (ahead_) return true;
  Value item;
  if (!next_(item)) return false;
  ahead_ = std::move(item);
  return true;
}

size_t Loop::length() {
  if (!length_) {
    auto rest = std::make_shared<Values>();
    for (Value item; next_(item);) rest->push_back(item);
    length_ = rest->size() + static_cast<size_t>(index0_ + 1) + (ahead_ ? 1 : 0);
    next_ = [rest, at = size_t{0}](Value& out) mutable {
      if (at >= rest->size()) return false;
      out = (*rest)[at++];
      return true;
    };
  }
  return *length_;
}

Value Loop::undefined(const char* message) const { return make_undefined(budget_, message); }

bool Loop::changed(const Values& values) {
  bool same = last_changed_ && last_changed_->size() == values.size();
  for (size_t i = 0; same && i < values.size(); ++i) same = equal(budget_, (*last_changed_)[i], values[i]);
  if (!same) last_changed_ = values;
  return !same;
}

const Value& Loop::cycle(const Values& values) const {
  if (values.empty()) raise("TypeError", "no items for cycling given");
  return values[static_cast<size_t>(index0_ < 0 ? 0 : index0_) % values.size()];
}

std::string Loop::described() { return cat("<LoopContext ", integer_text(index0_ + 1), "/", length(), ">"); }

std::optional<Value> Loop::attribute(Interpreter&, std::string_view name) {
  const auto size = [this] { return static_cast<Integer>(length()); };
  if (name == "index") return Value(index0_ + 1);
  if (name == "index0") return Value(index0_);
  if (name == "first") return Value(index0_ == 0);
  if (name == "last") return Value(!peek());
  if (name == "length") return Value(size());
  if (name == "revindex") return Value(size() - index0_);
  if (name == "revindex0") return Value(size() - index0_ - 1);
  if (name == "depth") return Value(depth_ + 1);
  if (name == "depth0") return Value(depth_);
  if (name == "previtem") return index0_ == 0 || !before_ ? undefined("there is no previous item") : *before_;
  if (name == "nextitem") return peek() ? *ahead_ : undefined("there is no next item");
  return std::nullopt;
}

void Loop::clear() {
  next_ = [](Value&) { return false; };
  ahead_.reset(), current_.reset(), before_.reset(), last_changed_.reset();
  scope.reset();
}

}  // namespace paceline::jinja

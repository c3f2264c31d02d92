#include "text/jinja/value.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/jinja/characters.h"
#include "text/jinja/operators.h"

namespace paceline::jinja {

namespace {

constexpr size_t kObjectBytes = 96;  // a shared object with its count and bookkeeping, about
constexpr size_t kEntryBytes = 2 * sizeof(Value) + 96;
constexpr Integer kMaxRangeItems = 100000;  // as in Jinja's sandbox

int nesting_around(Budget& budget, const Values& items) {
  int deepest = 0;
  for (const Value& item : items) deepest = std::max(deepest, item.nesting());
  budget.check_nesting(deepest + 1);
  return deepest + 1;
}

}  // namespace

bool Value::is_sequence(SequenceKind kind) const { return is(Kind::Sequence) && sequence()->kind == kind; }
const std::string& Value::text() const { return text_data()->text; }
bool Value::is_markup() const { return is(Kind::Text) && text_data()->markup; }

int Value::nesting() const {
  switch (kind()) {
    case Kind::Sequence: return sequence()->nesting;
    case Kind::Dict: return dict()->nesting;
    case Kind::Generator: return generator()->nesting;
    case Kind::Function: return function()->nesting();
    default: return 0;
  }
}

bool Value::same_object(const Value& other) const {
  if (kind() != other.kind()) return false;
  if (is(Kind::Int)) return integer() == other.integer();
  return !is(Kind::Float) && data_ == other.data_;
}

bool Function::attribute(Interpreter&, std::string_view, Value&) { return false; }

const Value* Entries::find(const Value& key) const {
  const auto at = index_.find(key);
  return at == index_.end() ? nullptr : &all_[at->second].second;
}

void Entries::set(const Value& key, Value value) {
  const auto at = index_.find(key);
  if (at != index_.end()) {
    all_[at->second].second = std::move(value);
    return;
  }
  check_hashable(*index_.key_comp().budget, key);
  charge_.grow(kEntryBytes);
  index_.emplace(key, all_.size());
  all_.emplace_back(key, std::move(value));
}

void Entries::clear() {
  index_.clear();
  all_.clear();
}

Value make_text(Budget* budget, std::string text, bool markup) {
  if (budget != nullptr) budget->work(text.size());
  const size_t bytes = kObjectBytes + text.size();
  const bool ascii = is_ascii(text);
  return Value(std::shared_ptr<TextData>(new TextData{{budget, bytes}, std::move(text), ascii, markup}));
}

Value make_sequence(Budget& budget, SequenceKind kind, Values items) {
  budget.step(static_cast<int64_t>(items.size()));
  const int nesting = nesting_around(budget, items);
  const size_t bytes = kObjectBytes + items.size() * sizeof(Value);
  return Value(std::shared_ptr<SequenceData>(new SequenceData{{&budget, bytes}, kind, nesting, std::move(items)}));
}

Value make_range(Budget& budget, Integer start, Integer stop, Integer step) {
  const Integer distance = step > 0 ? stop - start : start - stop, stride = step > 0 ? step : -step;
  const Integer count = distance > 0 ? (distance + stride - 1) / stride : 0;
  if (count > kMaxRangeItems) {
    raise("OverflowError", "Range too big. The sandbox blocks ranges larger than MAX_RANGE (",
          static_cast<int64_t>(kMaxRangeItems), ").");
  }
  Values items;
  for (Integer i = 0; i < count; ++i) items.push_back(start + i * step);
  const Value range = make_sequence(budget, SequenceKind::Range, std::move(items));
  range.sequence()->start = start;
  range.sequence()->stop = stop;
  range.sequence()->step = step;
  return range;
}

Value make_generator(Budget& budget, NextItem next, int nesting, const char* type_name) {
  budget.check_nesting(nesting);
  return Value(
      std::shared_ptr<GeneratorData>(new GeneratorData{{&budget, kObjectBytes}, std::move(next), nesting, type_name}));
}

Value make_undefined(Budget& budget, std::string message, const char* error_kind) {
  const size_t bytes = kObjectBytes + message.size();
  return Value(std::shared_ptr<UndefinedData>(new UndefinedData{{&budget, bytes}, std::move(message), error_kind}));
}

std::shared_ptr<DictData> make_dict(Budget& budget) { return std::make_shared<DictData>(&budget); }

void set_entry(Budget& budget, DictData& dict, const Value& key, Value value) {
  budget.step();
  const int nesting = 1 + std::max(key.nesting(), value.nesting());
  budget.check_nesting(nesting);
  dict.nesting = std::max(dict.nesting, nesting);
  dict.entries.set(key, std::move(value));
}

Value from_json(Budget& budget, const Json& json) {
  const Depth depth(budget);
  if (json.is_null()) return Value();
  if (json.is_bool()) return Value(json.as_bool());
  if (json.is_integer()) {
    const bool negative = json.as_number() < 0;
    return Value(negative ? static_cast<Integer>(json.as_integer()) : static_cast<Integer>(json.as_unsigned()));
  }
  if (json.is_number()) return Value(json.as_number());
  if (json.is_string()) return make_text(&budget, replace_invalid_utf8(json.as_string()));
  if (json.is_array()) {
    Values items;
    for (const Json& item : json.as_array()) items.push_back(from_json(budget, item));
    return make_list(budget, std::move(items));
  }
  const auto dict = make_dict(budget);
  for (const JsonMember& member : json.as_object().members()) {
    set_entry(budget, *dict, make_text(&budget, replace_invalid_utf8(member.key)), from_json(budget, member.value));
  }
  return Value(dict);
}

}  // namespace paceline::jinja

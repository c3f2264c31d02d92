// value[index] and value[start:stop:step], texts by code point.
#include "text/jinja/characters.h"
#include "text/jinja/operators.h"

namespace paceline::jinja {

namespace {

std::optional<size_t> position(const Value& index, size_t size) {
  Integer at = index.integer();
  if (at < 0) at += static_cast<Integer>(size);
  if (at < 0 || at >= static_cast<Integer>(size)) return std::nullopt;
  return static_cast<size_t>(at);
}

Value code_point_at(Budget& budget, const Value& value, size_t index) {
  const std::string& text = value.text();
  if (value.text_data()->ascii) return make_text(&budget, text.substr(index, 1), value.is_markup());
  budget.work(text.size());
  const size_t begin = byte_of(text, index);
  size_t end = begin;
  next_code_point(text, end);
  return make_text(&budget, text.substr(begin, end - begin), value.is_markup());
}

// What a slice takes: `count` items from `start` on, `step` apart.
struct Selection {
  Integer start, step;
  size_t count;
};

Selection select(const SliceBounds& bounds, size_t size) {
  const Integer length = static_cast<Integer>(size);
  // Steps beyond the length all take one item; clamped, no sum below can overflow.
  const Integer wanted = bounds.step.is(Kind::None) ? 1 : index_of(bounds.step);
  const Integer step = wanted > length + 1 ? length + 1 : wanted < -length - 1 ? -length - 1 : wanted;
  if (step == 0) raise("ValueError", "slice step cannot be zero");
  const auto place = [&](const Value& bound, Integer otherwise) {
    if (bound.is(Kind::None)) return otherwise;
    Integer at = index_of(bound);
    if (at < 0) at = at < -length ? -1 : at + length;
    if (at < 0) return step < 0 ? Integer{-1} : Integer{0};
    return at >= length ? (step < 0 ? length - 1 : length) : at;
  };
  const Integer start = place(bounds.start, step < 0 ? length - 1 : 0),
                stop = place(bounds.stop, step < 0 ? -1 : length);
  const Integer distance = step < 0 ? start - stop : stop - start;
  if (distance <= 0) return {start, step, 0};
  const Integer stride = step < 0 ? -step : step;
  return {start, step, static_cast<size_t>((distance - 1) / stride + 1)};
}

Value slice_text(Budget& budget, const Value& value, const Selection& selection) {
  const std::string& text = value.text();
  const auto start = static_cast<size_t>(selection.start);
  if (selection.step == 1) {
    const size_t begin = value.text_data()->ascii ? start : byte_of(text, start);
    const std::string_view rest = std::string_view(text).substr(std::min(begin, text.size()));
    const size_t bytes = value.text_data()->ascii ? selection.count : byte_of(rest, selection.count);
    return make_text(&budget, std::string(rest.substr(0, bytes)), value.is_markup());
  }
  std::vector<size_t> begins;
  budget.reserve(text.size() * sizeof(size_t));
  for (size_t byte = 0; byte < text.size(); next_code_point(text, byte)) begins.push_back(byte);
  begins.push_back(text.size());
  std::string out;
  Integer at = selection.start;
  for (size_t i = 0; i < selection.count; ++i, at += selection.step) {
    const auto index = static_cast<size_t>(at);
    out.append(text, begins[index], begins[index + 1] - begins[index]);
  }
  return make_text(&budget, std::move(out), value.is_markup());
}

Value slice_sequence(Budget& budget, const Value& value, const Selection& selection) {
  const SequenceData& data = *value.sequence();
  budget.reserve(selection.count * sizeof(Value));
  Values items;
  Integer at = selection.start;
  for (size_t i = 0; i < selection.count; ++i, at += selection.step)
    items.push_back(data.items[static_cast<size_t>(at)]);
  const bool is_list = data.kind == SequenceKind::List;
  if (data.kind != SequenceKind::Range) {
    return make_sequence(budget, is_list ? SequenceKind::List : SequenceKind::Tuple, std::move(items));
  }
  const Integer start = data.start + selection.start * data.step, step = checked_product(data.step, selection.step);
  const Value range = make_sequence(budget, SequenceKind::Range, std::move(items));
  range.sequence()->start = start;
  range.sequence()->step = step;
  range.sequence()->stop = start + checked_product(step, static_cast<Integer>(selection.count));
  return range;
}

bool is_subscriptable(const Value& value) {
  if (!value.is(Kind::Sequence)) return value.is(Kind::Text);
  const SequenceKind kind = value.sequence()->kind;
  return kind != SequenceKind::Keys && kind != SequenceKind::Values && kind != SequenceKind::Items;
}

}  // namespace

Integer index_of(const Value& value) {
  if (value.is(Kind::Undefined)) raise_undefined(value);
  if (!value.is_integral()) raise("TypeError", "'", type_name(value), "' object cannot be interpreted as an integer");
  return value.integer();
}

size_t clamp_index(Integer index, size_t size) {
  const Integer length = static_cast<Integer>(size);
  if (index < 0) index = index < -length ? 0 : index + length;
  return static_cast<size_t>(index > length ? length : index);
}

std::optional<Value> subscript(Budget& budget, const Value& value, const Value& index) {
  if (value.is(Kind::Undefined)) raise_undefined(value);
  if (value.is(Kind::Dict)) {
    if (index.is(Kind::Dict) || index.is_sequence(SequenceKind::List)) return std::nullopt;
    const Value* found = value.dict()->entries.find(index);
    return found == nullptr ? std::nullopt : std::optional<Value>(*found);
  }
  if (!index.is_integral() || !is_subscriptable(value)) return std::nullopt;
  const auto at = position(index, length(value));
  if (!at) return std::nullopt;
  return value.is(Kind::Text) ? code_point_at(budget, value, *at) : value.sequence()->items[*at];
}

Value slice(Budget& budget, const Value& value, const SliceBounds& bounds) {
  if (value.is(Kind::Undefined)) raise_undefined(value);
  if (value.is(Kind::Dict)) raise("TypeError", "unhashable type: 'slice'");
  if (!is_subscriptable(value)) raise("TypeError", "'", type_name(value), "' object is not subscriptable");
  for (const Value* bound : {&bounds.start, &bounds.stop, &bounds.step}) {
    if (!bound->is(Kind::None) && !bound->is_integral()) {
      raise("TypeError", "slice indices must be integers or None or have an __index__ method");
    }
  }
  budget.work(value.is(Kind::Text) ? value.text().size() : 0);
  const Selection selection = select(bounds, length(value));
  return value.is(Kind::Text) ? slice_text(budget, value, selection) : slice_sequence(budget, value, selection);
}

}  // namespace paceline::jinja

#include "text/constrain/schema_compiler.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace paceline::constrain {

namespace {

using Node = GrammarBuilder::Node;
using Automaton = GrammarBuilder::Automaton;

constexpr uint64_t kMostCounted = 100'000;  // states of one object or array

// Whole numbers without a point, as everywhere else.
Json plainly(const Json& value) {
  if (value.is_number() && !value.is_integer()) {
    const double number = value.as_number();
    if (std::abs(number) < 9e18 && std::floor(number) == number) return static_cast<int64_t>(number);
  }
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& item : value.as_array()) out.push_back(plainly(item));
    return out;
  }
  if (!value.is_object()) return value;
  Json out = Json::object();
  for (const JsonMember& member : value.as_object().members()) out.set(member.key, plainly(member.value));
  return out;
}

}  // namespace

void SchemaCompiler::define_rules() {
  while (!queue_.empty()) {
    const SchemaSet set = queue_.back();
    queue_.pop_back();
    std::vector<Node> alternatives;
    for (const Shape& shape : std::vector<Shape>(shapes_.expand(set))) alternatives.push_back(value(shape));
    builder_.define(rules_.at(set), builder_.any_of(std::move(alternatives)));
  }
}

GrammarBuilder::Rule SchemaCompiler::rule_of(const SchemaSet& set) {
  if (const auto known = rules_.find(set); known != rules_.end()) return known->second;
  std::string name = "any value";
  if (!set.empty()) name.clear();
  for (const SchemaId id : set) name += cat(name.empty() ? "" : " and ", shapes_.pointer(id));
  queue_.push_back(set);
  return rules_.emplace(set, builder_.declare(std::move(name))).first->second;
}

Node SchemaCompiler::value(const Shape& shape) {
  std::vector<Node> alternatives;
  if (shape.values) {
    for (const Json& one : *shape.values) alternatives.push_back(spelling_.literal(plainly(one)));
    return builder_.any_of(std::move(alternatives));
  }
  if (shape.types & kNull) alternatives.push_back(builder_.text("null"));
  if (shape.types & kBoolean)
    alternatives.push_back(builder_.text("true")), alternatives.push_back(builder_.text("false"));
  if (shape.types & (kInteger | kFraction)) alternatives.push_back(number(shape));
  if (shape.types & kString) alternatives.push_back(string(shape));
  if (shape.types & kArray) alternatives.push_back(array(shape));
  if (shape.types & kObject) alternatives.push_back(object(shape));
  return builder_.any_of(std::move(alternatives));
}

Node SchemaCompiler::number(const Shape& shape) {
  const NumberRange range = shapes_.numbers(shape);
  TextLanguage language = number_language(range);
  const bool is_strict = (range.minimum && range.minimum->exclusive) || (range.maximum && range.maximum->exclusive);
  const bool has_fraction = (shape.types & kInteger) == 0;
  if (has_fraction) language = language.both(TextLanguage::pattern("^-?[0-9]+\\.[0-9]*[1-9][0-9]*$"));
  // Readers round to doubles, and 2.9999999999999999999 is 3 to them.
  if (has_fraction || (is_strict && !range.integer)) language = language.both(numbers_of_a_double());
  return spelling_.as_it_is(language);
}

Node SchemaCompiler::string(const Shape& shape) {
  const StringView view = shapes_.strings(shape);
  if (view.content) return spelling_.string(*view.content);
  if (view.minimum == 0 && !view.maximum) return spelling_.any_string();
  if (view.maximum && *view.maximum < view.minimum) return builder_.nothing();
  const uint64_t largest = std::max(view.minimum, view.maximum.value_or(0));
  if (largest > kMostCounted) {
    fail("schema: ", where(shape), ": a string length of ", largest, ", at most ", kMostCounted, " can be counted");
  }
  std::optional<uint32_t> maximum;
  if (view.maximum) maximum = static_cast<uint32_t>(*view.maximum);
  return spelling_.string_of_length(static_cast<uint32_t>(view.minimum), maximum);
}

// State i has read i items; the last one, where there is no maximum, as many or more.
Node SchemaCompiler::array(const Shape& shape) {
  const ArrayView view = shapes_.arrays(shape);
  if (view.maximum && *view.maximum < view.minimum) return builder_.nothing();
  const uint64_t last = view.maximum.value_or(std::max<uint64_t>({view.minimum, view.first.size(), 1}));
  if (last > kMostCounted)
    fail("schema: ", where(shape), ": arrays of ", last, " items, at most ", kMostCounted, " can be counted");
  Automaton automaton;
  automaton.states.resize(last + 1);
  const Node comma = spelling_.comma(), rest = value(view.rest);
  const Node next_rest = builder_.sequence({comma, rest});
  for (uint64_t i = 0; i <= last; ++i) {
    Automaton::State& state = automaton.states[i];
    state.final = i >= view.minimum;
    if (i == last && view.maximum) continue;
    Node item = i == 0 ? rest : next_rest;
    if (i < view.first.size()) {
      const Node first = value(view.first[i]);
      item = i == 0 ? first : builder_.sequence({comma, first});
    }
    state.edges.push_back({item, static_cast<uint32_t>(std::min(i + 1, last))});
  }
  return builder_.sequence({builder_.text("["), builder_.automaton(std::move(automaton)), builder_.text("]")});
}

Node SchemaCompiler::json_member(const ObjectView::Property& property) {
  return builder_.sequence({spelling_.literal(property.name), spelling_.colon(), value(property.schemas)});
}

Node SchemaCompiler::object(const Shape& shape) {
  const ObjectView view = shapes_.objects(shape);
  const Node members = this->members(
      shape, view, [&](const ObjectView::Property& property) { return json_member(property); }, spelling_.comma());
  return builder_.sequence({builder_.text("{"), members, builder_.text("}")});
}

// State (i, n) stands before the i-th known property with n properties written (or as many as matter); behind the last known one come
// the others, in states of their own.
Node SchemaCompiler::members(const Shape& shape, const ObjectView& view,
                             const std::function<Node(const ObjectView::Property&)>& text_of, Node separator) {
  if (view.maximum && *view.maximum < view.minimum) return builder_.nothing();
  const uint64_t required = static_cast<uint64_t>(
      std::count_if(view.known.begin(), view.known.end(), [](const auto& p) { return p.required; }));
  if (!view.others.empty() && view.minimum > required + 1) {
    fail("schema: ", where(shape),
         "/minProperties: cannot be enforced with names that are not listed, which might come twice");
  }
  const uint64_t most = std::max<uint64_t>({view.minimum, view.maximum.value_or(0), 1});
  const uint64_t known = view.known.size(), width = most + 1;
  if (most > kMostCounted || (known + 2) * width > kMostCounted) {
    fail("schema: ", where(shape), ": an object with ", known, " properties counted up to ", most,
         ", which is too many");
  }
  Automaton automaton;
  automaton.states.resize((known + 2) * width);
  const auto index = [&](uint64_t property, uint64_t written) {
    return static_cast<uint32_t>(property * width + std::min(written, most));
  };
  const auto is_open = [&](uint64_t written) { return !view.maximum || written < *view.maximum; };
  const Node nothing_read = builder_.empty();
  for (uint64_t i = 0; i < known; ++i) {
    const ObjectView::Property& property = view.known[i];
    const Node text = property.possible ? text_of(property) : builder_.nothing();
    const Node later = builder_.sequence({separator, text});
    for (uint64_t written = 0; written <= most; ++written) {
      std::vector<Automaton::Edge>& edges = automaton.states[index(i, written)].edges;
      if (!property.required) edges.push_back({nothing_read, index(i + 1, written)});
      if (is_open(written)) edges.push_back({written == 0 ? text : later, index(i + 1, written + 1)});
    }
  }
  std::vector<std::pair<Node, Node>> others;  // as the first property, and later
  for (const ObjectView::Others& part : view.others) {
    const Node key = part.names ? spelling_.string(*part.names) : spelling_.any_string();
    const Node text = builder_.sequence({key, spelling_.colon(), value(part.schemas)});
    others.emplace_back(text, builder_.sequence({separator, text}));
  }
  for (uint64_t written = 0; written <= most; ++written) {
    for (const uint64_t row : {known, known + 1}) {
      Automaton::State& state = automaton.states[index(row, written)];
      state.final = written >= view.minimum && (!view.maximum || written <= *view.maximum);
      if (!is_open(written)) continue;
      for (const auto& [first, later] : others)
        state.edges.push_back({written == 0 ? first : later, index(known + 1, written + 1)});
    }
  }
  return builder_.automaton(std::move(automaton));
}

}  // namespace paceline::constrain

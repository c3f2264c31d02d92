#include "text/constrain/json_spelling.h"

#include <charconv>
#include <map>

#include "base/error.h"

namespace paceline::constrain {

namespace {

using Node = GrammarBuilder::Node;

CodePoints plain_characters() {
  CodePoints points = CodePoints(0x20, 0x10FFFF);
  return points.without(CodePoints::one('"')).without(CodePoints::one('\\'));
}

CodePoints hexadecimal() {
  CodePoints points('0', '9');
  points.add('a', 'f'), points.add('A', 'F');
  return points;
}

// A code point is a byte at least.
std::vector<uint32_t> alike_states(const TextLanguage& text) {
  if (text.states().size() <= Grammar::kAlikeBytes) return {};
  return text.alike(Grammar::kAlikeBytes);
}

}  // namespace

JsonSpelling::JsonSpelling(GrammarBuilder& builder, std::vector<std::string> excluded)
    : builder_(builder), excluded_(std::move(excluded)), clean_(TextLanguage::without_any_of(excluded_)) {}

// \uXXXX of anything but surrogates, or a pair of them: one character either way.
Node JsonSpelling::any_escape() {
  if (any_escape_) return builder_.reference(*any_escape_);
  any_escape_ = builder_.declare("escape");
  const Node hex = builder_.characters(hexadecimal());
  CodePoints not_d = hexadecimal().without(CodePoints::one('d')).without(CodePoints::one('D'));
  CodePoints d('d', 'd'), high('8', '9'), low;
  d.add('D', 'D');
  high.add('a', 'b'), high.add('A', 'B');
  low.add('c', 'f'), low.add('C', 'F');
  const Node plain_unit =
      builder_.any_of({builder_.sequence({builder_.characters(not_d), hex, hex, hex}),
                       builder_.sequence({builder_.characters(d), builder_.characters({'0', '7'}), hex, hex})});
  const Node pair =
      builder_.sequence({builder_.characters(d), builder_.characters(high), hex, hex, builder_.text("\\u"),
                         builder_.characters(d), builder_.characters(low), hex, hex});
  CodePoints simple;
  for (const char escape : {'"', '\\', '/', 'b', 'f', 'n', 'r', 't'})
    simple.add(static_cast<uint8_t>(escape), static_cast<uint8_t>(escape));
  builder_.define(*any_escape_,
                  builder_.any_of({builder_.sequence({builder_.text("\\"), builder_.characters(simple)}),
                                   builder_.sequence({builder_.text("\\u"), builder_.any_of({plain_unit, pair})})}));
  return builder_.reference(*any_escape_);
}

Node JsonSpelling::other_character() {
  if (other_character_) return builder_.reference(*other_character_);
  other_character_ = builder_.declare("character");
  builder_.define(*other_character_, builder_.characters({0x80, 0x10FFFF}));
  return builder_.reference(*other_character_);
}

// The plain characters are written into the rule itself: they are what nearly all masks are about (MaskMaker).
Node JsonSpelling::any_string() {
  if (any_string_) return builder_.reference(*any_string_);
  any_string_ = builder_.declare("string");
  GrammarBuilder::Automaton inside;
  const TextLanguage content = clean_ ? *clean_ : TextLanguage::any();
  for (const TextLanguage::State& state : content.states()) {
    GrammarBuilder::Automaton::State copy{{{any_escape(), 0}}, state.final};
    for (const TextLanguage::Edge& edge : state.edges) {
      const CodePoints points = edge.points.intersect(plain_characters());
      if (!points.empty()) copy.edges.push_back({builder_.characters(points), edge.target});
    }
    inside.states.push_back(std::move(copy));
  }
  builder_.define(*any_string_,
                  builder_.sequence({builder_.text("\""), builder_.automaton(std::move(inside)), builder_.text("\"")}));
  return builder_.reference(*any_string_);
}

Node JsonSpelling::string_of_length(uint32_t minimum, std::optional<uint32_t> maximum) {
  if (clean_) return string(TextLanguage::length(minimum, maximum));
  // ASCII is written into the count itself, the rest shared: a position takes one state, and is what masks know best.
  const Node character =
      builder_.any_of({builder_.characters(plain_characters().intersect({0, 0x7F})), other_character(), any_escape()});
  return builder_.sequence({builder_.text("\""), builder_.repeat(character, minimum, maximum), builder_.text("\"")});
}

Node JsonSpelling::literal(const Json& value) {
  const std::string text = value.dump();
  for (const std::string& tag : excluded_)
    if (text.find(tag) != std::string::npos) fail(text, " cannot be written where ", tag, " has a meaning");
  return builder_.text(text);
}

Node JsonSpelling::characters(const CodePoints& points) {
  std::vector<Node> spellings;
  const CodePoints plain = points.intersect(plain_characters());
  if (!plain.empty()) spellings.push_back(builder_.characters(plain));
  static const std::map<uint32_t, char> short_escapes = {{'"', '"'},  {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'},
                                                         {'\n', 'n'}, {'\r', 'r'},  {'\t', 't'}};
  CodePoints letters, low_digits[2];
  for (const auto& [point, letter] : short_escapes) {
    if (points.contains(point)) letters.add(CodePoints::one(static_cast<uint8_t>(letter)));
  }
  for (uint32_t point = 0; point < 0x20; ++point) {
    if (!points.contains(point) || short_escapes.contains(point)) continue;
    low_digits[point >> 4].add(CodePoints::one(static_cast<uint8_t>("0123456789abcdef"[point & 15])));
  }
  if (!letters.empty()) spellings.push_back(builder_.sequence({builder_.text("\\"), builder_.characters(letters)}));
  for (const int high : {0, 1}) {
    if (low_digits[high].empty()) continue;
    spellings.push_back(builder_.sequence({builder_.text(cat("\\u00", high)), builder_.characters(low_digits[high])}));
  }
  return builder_.any_of(std::move(spellings));
}

Node JsonSpelling::string(const TextLanguage& given) {
  const TextLanguage content = clean_ ? given.both(*clean_) : given;
  GrammarBuilder::Automaton automaton;
  for (const TextLanguage::State& state : content.states()) {
    GrammarBuilder::Automaton::State copy;
    copy.final = state.final;
    for (const TextLanguage::Edge& edge : state.edges) copy.edges.push_back({characters(edge.points), edge.target});
    automaton.states.push_back(std::move(copy));
  }
  automaton.alike = alike_states(content);
  return builder_.sequence({builder_.text("\""), builder_.automaton(std::move(automaton)), builder_.text("\"")});
}

Node JsonSpelling::as_it_is(const TextLanguage& text) {
  GrammarBuilder::Automaton automaton;
  for (const TextLanguage::State& state : text.states()) {
    GrammarBuilder::Automaton::State copy;
    copy.final = state.final;
    for (const TextLanguage::Edge& edge : state.edges)
      copy.edges.push_back({builder_.characters(edge.points), edge.target});
    automaton.states.push_back(std::move(copy));
  }
  automaton.alike = alike_states(text);
  return builder_.automaton(std::move(automaton));
}

Node JsonSpelling::colon() {
  if (!colon_) {
    colon_ = builder_.declare("colon");
    builder_.define(*colon_, builder_.sequence({builder_.text(":"), builder_.repeat(builder_.text(" "), 0, 1)}));
  }
  return builder_.reference(*colon_);
}

Node JsonSpelling::comma() {
  if (!comma_) {
    comma_ = builder_.declare("comma");
    builder_.define(*comma_, builder_.sequence({builder_.text(","), builder_.repeat(builder_.text(" "), 0, 1)}));
  }
  return builder_.reference(*comma_);
}

}  // namespace paceline::constrain

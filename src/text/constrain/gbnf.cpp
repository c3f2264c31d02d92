#include "text/constrain/gbnf.h"

#include "base/error.h"
#include "base/utf8.h"

namespace paceline::constrain {

namespace {

using Node = GrammarBuilder::Node;

class GbnfParser {
 public:
  GbnfParser(std::string_view text, GrammarBuilder& builder)
      : text_(text), limits_(builder.limits()), builder_(builder) {}

  GrammarBuilder::Rule parse() {
    if (text_.size() > kMostGbnfBytes)
      fail("grammar: ", text_.size(), " bytes, at most ", kMostGbnfBytes, " are possible");
    skip_space(true);
    while (!done()) parse_rule();
    for (const auto& [name, entry] : rules_) {
      if (!entry.defined) fail_at(entry.first_use, "rule ", name, " is used but not defined");
    }
    const auto root = rules_.find("root");
    if (root == rules_.end()) fail("grammar: the rule root is missing: text begins there");
    return root->second.rule;
  }

 private:
  struct Entry {
    GrammarBuilder::Rule rule;
    bool defined = false;
    size_t first_use = 0;
  };

  template <class... Parts>
  [[noreturn]] void fail_at(size_t at, const Parts&... parts) const {
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at && i < text_.size(); ++i) {
      if (text_[i] == '\n') ++line, column = 1;
      else if ((text_[i] & 0xC0) != 0x80) ++column;
    }
    fail("grammar:", line, ":", column, ": ", parts...);
  }

  bool done() const { return at_ >= text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }

  void skip_space(bool newlines) {
    while (!done()) {
      const char next = peek();
      if (next == '#') {
        while (!done() && peek() != '\n' && peek() != '\r') ++at_;
      } else if (next == ' ' || next == '\t' || (newlines && (next == '\n' || next == '\r'))) {
        ++at_;
      } else {
        break;
      }
    }
  }

  static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  }

  std::string parse_name() {
    const size_t begin = at_;
    while (is_word(peek())) ++at_;
    if (at_ == begin) fail_at(at_, "expected the name of a rule, got ", shown());
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string shown() const {
    if (done()) return "the end";
    if (peek() == '\n' || peek() == '\r') return "the end of the line";
    const std::string_view rest = text_.substr(at_);
    const CodePoint point = decode_utf8(rest);
    return point.valid && point.value >= 0x20 ? cat("'", rest.substr(0, static_cast<size_t>(point.length)), "'")
                                              : std::string("a byte that is no text");
  }

  Entry& entry(const std::string& name) {
    const auto [found, is_new] = rules_.try_emplace(name);
    if (is_new) found->second = {builder_.declare(name), false, at_};
    return found->second;
  }

  void parse_rule() {
    const size_t begin = at_;
    const std::string name = parse_name();
    skip_space(false);
    if (text_.substr(at_, 3) != "::=") fail_at(at_, "expected ::= after ", name, ", got ", shown());
    at_ += 3;
    skip_space(true);
    const Node body = parse_alternatives(0);
    Entry& rule = entry(name);
    if (rule.defined) fail_at(begin, "rule ", name, " is defined twice");
    rule.defined = true;
    builder_.define(rule.rule, body);
    if (!done() && peek() != '\n' && peek() != '\r') fail_at(at_, "expected the end of the rule, got ", shown());
    skip_space(true);
  }

  Node parse_alternatives(int depth) {
    if (depth > limits_.depth / 4) fail_at(at_, "groups nest more than ", limits_.depth / 4, " deep");
    std::vector<Node> alternatives = {parse_sequence(depth)};
    while (peek() == '|') {
      ++at_;
      skip_space(true);
      alternatives.push_back(parse_sequence(depth));
    }
    return builder_.any_of(std::move(alternatives));
  }

  Node parse_sequence(int depth) {
    std::vector<Node> parts;
    while (!done()) {
      const char next = peek();
      Node item;
      if (next == '"') {
        item = parse_literal();
      } else if (next == '[') {
        item = builder_.characters(parse_class());
      } else if (next == '.') {
        ++at_;
        item = builder_.characters(CodePoints::all());
      } else if (next == '(') {
        const size_t begin = at_++;
        skip_space(true);
        item = parse_alternatives(depth + 1);
        if (peek() != ')') fail_at(at_, "expected ) for the group at byte ", begin, ", got ", shown());
        ++at_;
      } else if (is_word(next)) {
        const size_t begin = at_;
        const std::string name = parse_name();
        at_ = begin;
        item = builder_.reference(entry(name).rule);
        at_ = begin + name.size();
      } else if (next == '<' || next == '!') {
        fail_at(at_, "references to tokens are not supported");
      } else {
        break;
      }
      skip_space(depth > 0);
      parts.push_back(parse_repetitions(item, depth));
    }
    return builder_.sequence(std::move(parts));
  }

  Node parse_repetitions(Node item, int depth) {
    while (!done()) {
      const char next = peek();
      if (next == '*') {
        item = builder_.repeat(item, 0, std::nullopt);
      } else if (next == '+') {
        item = builder_.repeat(item, 1, std::nullopt);
      } else if (next == '?') {
        item = builder_.repeat(item, 0, 1);
      } else if (next == '{') {
        item = parse_counts(item);
      } else {
        break;
      }
      ++at_;
      skip_space(depth > 0);
    }
    return item;
  }

  Node parse_counts(Node item) {
    const size_t begin = at_++;
    skip_space(false);
    const uint32_t minimum = parse_count();
    skip_space(false);
    std::optional<uint32_t> maximum = minimum;
    if (peek() == ',') {
      ++at_;
      skip_space(false);
      maximum = std::nullopt;
      if (peek() != '}') maximum = parse_count();
      skip_space(false);
    }
    if (peek() != '}') fail_at(at_, "expected } after the counts, got ", shown());
    if (maximum && *maximum < minimum) fail_at(begin, "{", minimum, ",", *maximum, "} has its larger number first");
    return builder_.repeat(item, minimum, maximum);
  }

  uint32_t parse_count() {
    const size_t begin = at_;
    uint64_t value = 0;
    while (peek() >= '0' && peek() <= '9') {
      value = value * 10 + static_cast<uint64_t>(peek() - '0');
      if (value > limits_.states) fail_at(begin, "a count above ", limits_.states);
      ++at_;
    }
    if (at_ == begin) fail_at(at_, "expected a number, got ", shown());
    return static_cast<uint32_t>(value);
  }

  Node parse_literal() {
    const size_t begin = at_++;
    std::string bytes;
    while (peek() != '"' || done()) {
      if (done() || peek() == '\n') fail_at(begin, "this literal has no closing \"");
      append_utf8(bytes, parse_character());
    }
    ++at_;
    return builder_.text(bytes);
  }

  CodePoints parse_class() {
    const size_t begin = at_++;
    const bool negated = peek() == '^';
    if (negated) ++at_;
    CodePoints points;
    while (peek() != ']' || done()) {
      if (done()) fail_at(begin, "this class has no closing ]");
      const size_t range_begin = at_;
      const uint32_t first = parse_character();
      uint32_t last = first;
      if (peek() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        last = parse_character();
      }
      if (last < first) fail_at(range_begin, "this range has its larger end first");
      points.add(first, last);
    }
    ++at_;
    return negated ? points.complement() : points;
  }

  uint32_t parse_character() {
    if (peek() == '\\') return parse_escape();
    const CodePoint point = decode_utf8(text_.substr(at_));
    if (!point.valid) fail_at(at_, "not valid UTF-8");
    at_ += static_cast<size_t>(point.length);
    return point.value;
  }

  uint32_t parse_escape() {
    const size_t begin = at_++;
    const char kind = peek();
    ++at_;
    switch (kind) {
      case 'n': return '\n';
      case 'r': return '\r';
      case 't': return '\t';
      case '"':
      case '\\':
      case '[':
      case ']':
      case '-':
      case '^':
      case '/': return static_cast<uint32_t>(kind);
      case 'x': return parse_hex(begin, 2);
      case 'u': return parse_hex(begin, 4);
      case 'U': return parse_hex(begin, 8);
      default:
        fail_at(begin, "unknown escape; known are \\n \\r \\t \\\\ \\\" \\[ \\] \\- \\^ \\/ \\xHH \\uHHHH \\UHHHHHHHH");
    }
  }

  uint32_t parse_hex(size_t begin, int digits) {
    uint64_t value = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const char digit = peek();
      value *= 16;
      if (digit >= '0' && digit <= '9') value += static_cast<uint64_t>(digit - '0');
      else if (digit >= 'a' && digit <= 'f') value += static_cast<uint64_t>(digit - 'a' + 10);
      else if (digit >= 'A' && digit <= 'F') value += static_cast<uint64_t>(digit - 'A' + 10);
      else fail_at(begin, "this escape needs ", digits, " hexadecimal digits");
    }
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
      fail_at(begin, "no Unicode character has this number");
    return static_cast<uint32_t>(value);
  }

  std::string_view text_;
  GrammarLimits limits_;
  GrammarBuilder& builder_;
  std::map<std::string, Entry> rules_;
  size_t at_ = 0;
};

}  // namespace

Grammar parse_gbnf(std::string_view text, const GrammarLimits& limits) {
  GrammarBuilder builder(limits);
  return builder.build(add_gbnf(text, builder));
}

GrammarBuilder::Rule add_gbnf(std::string_view text, GrammarBuilder& builder) {
  return GbnfParser(text, builder).parse();
}

}  // namespace paceline::constrain

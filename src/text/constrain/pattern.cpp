// TextLanguage::pattern: ECMA-262 regular expressions, as far as they are regular.
#include "base/error.h"
#include "base/utf8.h"
#include "text/constrain/text_language.h"

namespace paceline::constrain {

namespace {

constexpr size_t kMostLooseStates = 20'000;
constexpr int kMostGroups = 64;  // inside each other

CodePoints digits() { return {'0', '9'}; }

CodePoints word() {
  CodePoints points('a', 'z');
  points.add('A', 'Z'), points.add('0', '9'), points.add('_', '_');
  return points;
}

CodePoints line_ends() {
  CodePoints points('\n', '\n');
  points.add('\r', '\r'), points.add(0x2028, 0x2029);
  return points;
}

CodePoints space() {  // WhiteSpace and LineTerminator
  CodePoints points = line_ends();
  for (const uint32_t point : {0x09u, 0x0Bu, 0x0Cu, 0x20u, 0xA0u, 0x1680u, 0x202Fu, 0x205Fu, 0x3000u, 0xFEFFu})
    points.add(point, point);
  points.add(0x2000, 0x200A);
  return points;
}

class PatternParser {
 public:
  explicit PatternParser(std::string_view text) : text_(text) {}

  TextLanguage parse() {
    loose_.start = state(), loose_.end = state();
    parse_alternatives(loose_.start, loose_.end, 0);
    if (at_ != text_.size()) refuse("an unmatched )");
    return TextLanguage::determine(loose_);
  }

 private:
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail("the pattern ", Shown{text_}.text(), ", byte ", at_, ": ", parts...);
  }
  struct Shown {
    std::string_view pattern;
    std::string text() const { return pattern.size() <= 80 ? std::string(pattern) : cat(pattern.substr(0, 77), "..."); }
  };

  uint32_t state() {
    if (loose_.states.size() >= kMostLooseStates) refuse("the pattern is too large once repetitions are written out");
    loose_.states.emplace_back();
    return static_cast<uint32_t>(loose_.states.size() - 1);
  }
  void edge(uint32_t from, const CodePoints& points, uint32_t to) { loose_.states[from].edges.push_back({points, to}); }
  void skip(uint32_t from, uint32_t to) { loose_.states[from].empty.push_back(to); }
  bool done() const { return at_ >= text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }

  // At the outermost level each alternative is anchored or not at either end; inside groups ^ and $ are refused.
  void parse_alternatives(uint32_t from, uint32_t to, int depth) {
    if (depth > kMostGroups) refuse("groups nest more than ", kMostGroups, " deep");
    while (true) {
      uint32_t begin = from;
      if (depth == 0) {
        begin = state();
        const bool anchored = peek() == '^';
        if (anchored) ++at_;
        skip(from, begin);
        if (!anchored) edge(begin, CodePoints::all(), begin);
      }
      const uint32_t last = parse_sequence(begin, depth);
      if (depth == 0 && peek() == '$') {
        ++at_;
        if (!done() && peek() != '|') refuse("$ is possible at the end only");
      } else if (depth == 0) {
        edge(last, CodePoints::all(), last);
      }
      skip(last, to);
      if (peek() != '|') break;
      ++at_;
    }
  }

  uint32_t parse_sequence(uint32_t from, int depth) {
    const uint32_t fresh = state();
    skip(from, fresh);
    from = fresh;
    while (!done() && peek() != '|' && peek() != ')' && (peek() != '$' || depth > 0)) {
      const size_t begin = at_;
      parse_atom(state_pair(), depth);  // to see where it ends
      const size_t after = at_;
      const auto [minimum, maximum] = parse_quantifier();
      const size_t rest = at_;
      from = repeat(from, begin, after, minimum, maximum, depth);
      at_ = rest;
    }
    const uint32_t last = state();
    skip(from, last);
    return last;
  }

  struct Pair {
    uint32_t from, to;
  };
  Pair state_pair() {
    const uint32_t from = state();
    return {from, state()};
  }

  // The atom at `begin` as often as asked for, from `from`; where that ends.
  uint32_t repeat(uint32_t from, size_t begin, size_t after, uint64_t minimum, std::optional<uint64_t> maximum,
                  int depth) {
    const auto once = [&](uint32_t start) {
      const uint32_t end = state(), inner = state();
      skip(start, inner);
      at_ = begin;
      parse_atom({inner, end}, depth);
      PACELINE_ASSERT(at_ == after);
      return end;
    };
    for (uint64_t i = 0; i < minimum; ++i) from = once(from);
    const uint32_t end = state();
    if (!maximum) {
      const uint32_t loop = state();
      skip(from, loop);
      skip(once(loop), loop);
      skip(loop, end);
      return end;
    }
    skip(from, end);
    for (uint64_t i = minimum; i < *maximum; ++i) {
      from = once(from);
      skip(from, end);
    }
    return end;
  }

  std::pair<uint64_t, std::optional<uint64_t>> parse_quantifier() {
    uint64_t minimum = 1;
    std::optional<uint64_t> maximum = 1;
    const char kind = peek();
    if (kind == '*') minimum = 0, maximum = std::nullopt, ++at_;
    else if (kind == '+') maximum = std::nullopt, ++at_;
    else if (kind == '?') minimum = 0, ++at_;
    else if (kind == '{') parse_counts(minimum, maximum);
    else return {minimum, maximum};
    if (peek() == '?') ++at_;  // lazy: the same texts
    if (peek() == '*' || peek() == '+' || peek() == '?' || peek() == '{') refuse("two quantifiers in a row");
    return {minimum, maximum};
  }

  void parse_counts(uint64_t& minimum, std::optional<uint64_t>& maximum) {
    ++at_;
    minimum = parse_count();
    maximum = minimum;
    if (peek() == ',') {
      ++at_;
      maximum = std::nullopt;
      if (peek() != '}') maximum = parse_count();
    }
    if (peek() != '}') refuse("expected }");
    ++at_;
    if (maximum && *maximum < minimum) refuse("a count with its larger number first");
  }

  uint64_t parse_count() {
    uint64_t value = 0;
    const size_t begin = at_;
    for (; peek() >= '0' && peek() <= '9'; ++at_) {
      value = value * 10 + static_cast<uint64_t>(peek() - '0');
      if (value > kMostLooseStates) refuse("a count above ", kMostLooseStates);
    }
    if (at_ == begin) refuse("expected a number");
    return value;
  }

  void parse_atom(Pair pair, int depth) {
    const char next = peek();
    if (next == '(') {
      ++at_;
      if (peek() == '?') {
        if (text_.substr(at_, 2) != "?:") refuse("only (?: is supported of the groups that begin with (?");
        at_ += 2;
      }
      parse_alternatives(pair.from, pair.to, depth + 1);
      if (peek() != ')') refuse("a group without )");
      ++at_;
    } else if (next == '[') {
      edge(pair.from, parse_class(), pair.to);
    } else if (next == '.') {
      ++at_;
      edge(pair.from, line_ends().complement(), pair.to);
    } else if (next == '\\') {
      edge(pair.from, parse_escape(false), pair.to);
    } else if (next == '^' || next == '$') {
      refuse(next, " is possible at the outermost beginning or end only");
    } else if (next == '*' || next == '+' || next == '?' || next == '{') {
      refuse("a quantifier with nothing to repeat");
    } else {
      edge(pair.from, CodePoints::one(parse_character()), pair.to);
    }
  }

  uint32_t parse_character() {
    const CodePoint point = decode_utf8(text_.substr(at_));
    if (done() || !point.valid) refuse("not valid UTF-8");
    at_ += static_cast<size_t>(point.length);
    return point.value;
  }

  CodePoints parse_class() {
    ++at_;
    const bool negated = peek() == '^';
    if (negated) ++at_;
    CodePoints points;
    while (peek() != ']' || done()) {
      if (done()) refuse("a class without ]");
      const CodePoints first = parse_class_member();
      if (peek() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        const CodePoints last = parse_class_member();
        if (!is_single(first) || !is_single(last)) refuse("a range between classes");
        if (last.ranges()[0].first < first.ranges()[0].first) refuse("a range with its larger end first");
        points.add(first.ranges()[0].first, last.ranges()[0].first);
      } else {
        points.add(first);
      }
    }
    ++at_;
    return negated ? points.complement() : points;
  }

  static bool is_single(const CodePoints& points) {
    return points.ranges().size() == 1 && points.ranges()[0].first == points.ranges()[0].last;
  }

  CodePoints parse_class_member() {
    if (peek() == '\\') return parse_escape(true);
    return CodePoints::one(parse_character());
  }

  CodePoints parse_escape(bool in_class) {
    ++at_;
    if (done()) refuse("a \\ at the end");
    const char kind = text_[at_++];
    switch (kind) {
      case 'd': return digits();
      case 'D': return digits().complement();
      case 'w': return word();
      case 'W': return word().complement();
      case 's': return space();
      case 'S': return space().complement();
      case 't': return CodePoints::one('\t');
      case 'n': return CodePoints::one('\n');
      case 'r': return CodePoints::one('\r');
      case 'f': return CodePoints::one('\f');
      case 'v': return CodePoints::one('\v');
      case '0':
        if (peek() >= '0' && peek() <= '9') refuse("octal escapes are not supported");
        return CodePoints::one(0);
      case 'x': return CodePoints::one(parse_hex(2));
      case 'u': return CodePoints::one(parse_unicode());
      case 'c':
        if ((peek() >= 'a' && peek() <= 'z') || (peek() >= 'A' && peek() <= 'Z')) {
          return CodePoints::one(static_cast<uint32_t>(text_[at_++]) & 31);
        }
        refuse("\\c without a letter");
      case 'b':
        if (in_class) return CodePoints::one('\b');
        [[fallthrough]];
      default: break;
    }
    if ((kind >= 'a' && kind <= 'z') || (kind >= 'A' && kind <= 'Z') || (kind >= '1' && kind <= '9')) {
      refuse("\\", kind, " is not supported");
    }
    --at_;
    return CodePoints::one(parse_character());
  }

  uint32_t parse_unicode() {
    if (peek() == '{') {
      ++at_;
      uint32_t value = 0;
      int count = 0;
      for (; peek() != '}'; ++count) {
        if (count == 6) refuse("\\u{ with more than six digits");
        value = value * 16 + parse_hex(1, false);
      }
      ++at_;
      if (count == 0) refuse("\\u{ without digits");
      return checked(value);
    }
    const uint32_t value = parse_hex(4, false);
    if (value < 0xD800 || value > 0xDBFF || text_.substr(at_, 2) != "\\u") return checked(value);
    at_ += 2;
    const uint32_t low = parse_hex(4, false);
    if (low < 0xDC00 || low > 0xDFFF) refuse("half of a surrogate pair");
    return 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
  }

  uint32_t checked(uint32_t value) const {
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) refuse("no Unicode character has this number");
    return value;
  }

  uint32_t parse_hex(int count, bool check = true) {
    uint32_t value = 0;
    for (int i = 0; i < count; ++i, ++at_) {
      const char digit = peek();
      value *= 16;
      if (digit >= '0' && digit <= '9') value += static_cast<uint32_t>(digit - '0');
      else if (digit >= 'a' && digit <= 'f') value += static_cast<uint32_t>(digit - 'a' + 10);
      else if (digit >= 'A' && digit <= 'F') value += static_cast<uint32_t>(digit - 'A' + 10);
      else refuse("expected a hexadecimal digit");
    }
    return check ? checked(value) : value;
  }

  std::string_view text_;
  size_t at_ = 0;
  TextLanguage::Loose loose_;
};

}  // namespace

TextLanguage TextLanguage::pattern(std::string_view expression) {
  if (expression.size() > 10'000) fail("a pattern of ", expression.size(), " bytes, at most 10000 are possible");
  return PatternParser(expression).parse();
}

}  // namespace paceline::constrain

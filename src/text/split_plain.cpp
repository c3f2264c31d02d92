// The hand-written splitter: one pass, no backtracking. Each member is one alternative of the patterns in pretokenizer.cpp; they are
// tried in the same order.
#include "base/utf8.h"
#include "text/pretokenizer.h"
#include "text/unicode_classes.h"

namespace paceline {

namespace {

constexpr size_t kNone = 0;  // an alternative that does not match; a match is never empty

class Cutter {
 public:
  Cutter(const PretokenizerRules& rules, std::string_view text) : rules_(rules), text_(text) {}

  // The end of the piece that starts at `at`.
  size_t piece_end(size_t at) const {
    if (const size_t end = contraction(at)) return end;
    if (rules_.gpt2_shape) {
      const size_t body = at + (text_[at] == ' ' ? 1 : 0);
      if (const size_t end = letters(body)) return end;
      if (const size_t end = digits(body)) return end;
    } else {
      if (const size_t end = word(at)) return end;
      if (const size_t end = digits(at)) return end;
    }
    if (const size_t end = punctuation(at)) return end;
    return spaces(at);
  }

 private:
  struct Character {
    UnicodeClass kind;
    size_t end;
  };
  Character character(size_t at) const {
    const CodePoint code_point = decode_utf8(text_.substr(at));
    return {unicode_class(code_point.value), at + static_cast<size_t>(code_point.length)};
  }

  bool is_letter(UnicodeClass kind) const {
    return kind == UnicodeClass::Letter || (rules_.marks_are_letters && kind == UnicodeClass::Mark);
  }
  bool is_punctuation(UnicodeClass kind) const {
    return kind != UnicodeClass::Number && kind != UnicodeClass::Space && !is_letter(kind);
  }
  static bool is_line_break(char byte) { return byte == '\r' || byte == '\n'; }

  template <class Predicate>
  size_t run(size_t at, const Predicate& predicate) const {
    while (at < text_.size()) {
      const Character next = character(at);
      if (!predicate(next.kind)) break;
      at = next.end;
    }
    return at;
  }

  // 's 't 're 've 'm 'll 'd
  size_t contraction(size_t at) const {
    if (text_[at] != '\'') return kNone;
    const auto lower = [&](size_t position) -> char {
      if (position >= text_.size()) return '\0';
      const char byte = text_[position];
      return !rules_.gpt2_shape && byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : byte;
    };
    const char first = lower(at + 1), second = lower(at + 2);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
    if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l'))
      return at + 3;
    return kNone;
  }

  size_t letters(size_t at) const {
    const size_t end = run(at, [&](UnicodeClass kind) { return is_letter(kind); });
    return end > at ? end : kNone;
  }

  // [^\r\n\p{L}\p{N}]?\p{L}+
  size_t word(size_t at) const {
    if (const size_t end = letters(at)) return end;
    const Character first = character(at);
    if (is_line_break(text_[at]) || first.kind == UnicodeClass::Number || first.end >= text_.size()) return kNone;
    return letters(first.end);
  }

  size_t digits(size_t at) const {
    size_t end = at;
    for (int count = 0; end < text_.size() && (rules_.digits_at_most == 0 || count < rules_.digits_at_most); ++count) {
      const Character next = character(end);
      if (next.kind != UnicodeClass::Number) break;
      end = next.end;
    }
    return end > at ? end : kNone;
  }

  // ` ?[^\s\p{L}\p{N}]+[\r\n]*`
  size_t punctuation(size_t at) const {
    const size_t body = at + (text_[at] == ' ' ? 1 : 0);
    size_t end = run(body, [&](UnicodeClass kind) { return is_punctuation(kind); });
    if (end == body) return kNone;
    if (!rules_.gpt2_shape)
      while (end < text_.size() && is_line_break(text_[end])) ++end;
    return end;
  }

  // `\s*[\r\n]+|\s+(?!\S)|\s+`: up to the last line break, else all but the last space when something follows.
  size_t spaces(size_t at) const {
    size_t end = at, last_start = at, after_break = kNone;
    while (end < text_.size()) {
      const Character next = character(end);
      if (next.kind != UnicodeClass::Space) break;
      last_start = end;
      if (is_line_break(text_[end])) after_break = next.end;
      end = next.end;
    }
    if (!rules_.gpt2_shape && after_break != kNone) return after_break;
    return end < text_.size() && last_start > at ? last_start : end;
  }

  const PretokenizerRules& rules_;
  std::string_view text_;
};

class PlainSplitter : public Splitter {
 public:
  explicit PlainSplitter(const PretokenizerRules& rules) : rules_(rules) {}
  void split(std::string_view text, const PieceSink& sink) const override {
    const Cutter cutter(rules_, text);
    for (size_t at = 0; at < text.size();) {
      const size_t end = cutter.piece_end(at);
      sink(text.substr(at, end - at));
      at = end;
    }
  }

 private:
  const PretokenizerRules& rules_;
};

}  // namespace

std::unique_ptr<Splitter> make_plain_splitter(const PretokenizerRules& rules) {
  return std::make_unique<PlainSplitter>(rules);
}

}  // namespace paceline

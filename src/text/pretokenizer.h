#pragma once
// Cuts text into the pieces that BPE merges within (spec 8.1, step 2): every byte belongs to exactly one piece, in order. Bytes that
// are not UTF-8 form pieces of their own, so that nothing is lost. The rules are regular expressions run by PCRE2; a hand-written
// splitter with the same results serves builds without it, and is the tests' second opinion.
#include <functional>
#include <memory>
#include <string_view>

namespace paceline {

using PieceSink = std::function<void(std::string_view piece)>;

// Cuts text that is valid UTF-8. Immutable; safe to use from several threads.
class Splitter {
 public:
  virtual ~Splitter() = default;
  virtual void split(std::string_view text, const PieceSink& sink) const = 0;
};

// One family of tokenizers.
struct PretokenizerRules {
  std::string_view name;  // tokenizer.ggml.pre
  std::string_view pattern;  // PCRE2, UTF + UCP; \s is spelled \p{White_Space} since PCRE2's \s also holds U+180E
  // The same for the hand-written splitter.
  bool gpt2_shape;  // ` ?\p{L}+| ?\p{N}+`, contractions in lower case only, line breaks not special
  bool marks_are_letters;  // [\p{L}\p{M}] wherever the others say \p{L}, but for the optional first character
  int digits_at_most;  // per piece; 0: no limit
  // What else the name implies.
  bool whole_pieces;  // a piece that is a token is taken as it is, whatever the merges say
  bool adds_bos;  // when tokenizer.ggml.add_bos_token is absent
};

// nullptr: no such pre-tokenizer.
const PretokenizerRules* find_pretokenizer(std::string_view name);
// "qwen35, qwen2, ..." for messages.
std::string_view pretokenizer_names();

std::unique_ptr<Splitter> make_plain_splitter(const PretokenizerRules& rules);
#ifndef PACELINE_CORE_ONLY
// Falls back to the plain splitter for a text on which PCRE2 gives up (its limits, no memory).
std::unique_ptr<Splitter> make_pcre2_splitter(const PretokenizerRules& rules);
#endif
// The best one this build has.
std::unique_ptr<Splitter> make_splitter(const PretokenizerRules& rules);

// Any bytes: the valid stretches go through `splitter`, each stretch of invalid bytes becomes one piece.
void pretokenize(const Splitter& splitter, std::string_view bytes, const PieceSink& sink);

}  // namespace paceline

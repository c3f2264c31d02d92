#include "text/pretokenizer.h"

#include "base/utf8.h"

namespace paceline {

namespace {

#define PACELINE_SPACE "\\p{White_Space}"
#define PACELINE_NOT_SPACE "\\P{White_Space}"
// (?i:'s|'t|…) for ASCII only, as the reference does: PCRE2's caseless matching with UCP would also take U+017F for s.
#define PACELINE_CONTRACTIONS "'(?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])|"
#define PACELINE_SPACES_AT_END PACELINE_SPACE "+(?!" PACELINE_NOT_SPACE ")|" PACELINE_SPACE "+"
#define PACELINE_LINE_BREAKS PACELINE_SPACE "*[\\r\\n]+|"

constexpr std::string_view kQwen35 = PACELINE_CONTRACTIONS
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| "
    "?[^\\p{White_Space}\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|" PACELINE_LINE_BREAKS PACELINE_SPACES_AT_END;
constexpr std::string_view kQwen2 = PACELINE_CONTRACTIONS
    "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\p{White_Space}\\p{L}\\p{N}]+[\\r\\n]*|" PACELINE_LINE_BREAKS
        PACELINE_SPACES_AT_END;
constexpr std::string_view kLlama3 = PACELINE_CONTRACTIONS
    "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\p{White_Space}\\p{L}\\p{N}]+[\\r\\n]*|" PACELINE_LINE_BREAKS
        PACELINE_SPACES_AT_END;
constexpr std::string_view kGpt2 =
    "'(?:[stmd]|re|ve|ll)| ?\\p{L}+| ?\\p{N}+| ?[^\\p{White_Space}\\p{L}\\p{N}]+|" PACELINE_SPACES_AT_END;

#undef PACELINE_SPACE
#undef PACELINE_NOT_SPACE
#undef PACELINE_CONTRACTIONS
#undef PACELINE_SPACES_AT_END
#undef PACELINE_LINE_BREAKS

// name, pattern, gpt2_shape, marks_are_letters, digits_at_most, whole_pieces, adds_bos
constexpr PretokenizerRules kRules[] = {
    {"qwen35", kQwen35, false, true, 1, false, false},
    {"qwen2", kQwen2, false, false, 1, false, false},
    {"gpt-2", kGpt2, true, false, 0, false, false},
    {"llama-bpe", kLlama3, false, false, 3, true, true},
    // Other names that converters write for the same rules.
    {"deepseek-r1-qwen", kQwen2, false, false, 1, false, false},
    {"llama3", kLlama3, false, false, 3, true, true},
    {"llama-v3", kLlama3, false, false, 3, true, true},
};

}  // namespace

const PretokenizerRules* find_pretokenizer(std::string_view name) {
  for (const PretokenizerRules& rules : kRules)
    if (rules.name == name) return &rules;
  return nullptr;
}

std::string_view pretokenizer_names() { return "qwen35, qwen2, gpt-2, llama-bpe"; }

std::unique_ptr<Splitter> make_splitter(const PretokenizerRules& rules) {
#ifdef PACELINE_CORE_ONLY
  return make_plain_splitter(rules);
#else
  return make_pcre2_splitter(rules);
#endif
}

void pretokenize(const Splitter& splitter, std::string_view bytes, const PieceSink& sink) {
  size_t start = 0, end = 0;
  bool valid = true;
  const auto flush = [&] {
    if (end == start) return;
    const std::string_view stretch = bytes.substr(start, end - start);
    if (valid) splitter.split(stretch, sink);
    else sink(stretch);
    start = end;
  };
  while (end < bytes.size()) {
    const CodePoint code_point = static_cast<unsigned char>(bytes[end]) < 0x80
                                     ? CodePoint{static_cast<unsigned char>(bytes[end]), 1, true}
                                     : decode_utf8(bytes.substr(end));
    if (code_point.valid != valid) flush(), valid = code_point.valid;
    end += static_cast<size_t>(code_point.length);
  }
  flush();
}

}  // namespace paceline

// The splitter that runs the patterns themselves. pcre2_match() uses the compiled code where the system allows it and interprets
// otherwise (under MemoryDenyWriteExecute there is no JIT), with equal results.
#ifndef PACELINE_CORE_ONLY
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/error.h"
#include "text/pretokenizer.h"

namespace paceline {

namespace {

template <auto free_function>
struct Release {
  template <class Type>
  void operator()(Type* pointer) const {
    free_function(pointer);
  }
};
using Code = std::unique_ptr<pcre2_code, Release<pcre2_code_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, Release<pcre2_match_data_free>>;

class Pcre2Splitter : public Splitter {
 public:
  explicit Pcre2Splitter(const PretokenizerRules& rules) : plain_(make_plain_splitter(rules)) {
    int error = 0;
    PCRE2_SIZE offset = 0;
    code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(rules.pattern.data()), rules.pattern.size(),
                              PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED, &error, &offset, nullptr));
    if (!code_) fail("PCRE2 refuses the pattern of ", rules.name, " at offset ", offset, ": error ", error);
    pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);  // a refusal only costs speed
  }

  void split(std::string_view text, const PieceSink& sink) const override {
    const MatchData data(pcre2_match_data_create(1, nullptr));
    if (!data) return plain_->split(text, sink);
    size_t at = 0;
    while (at < text.size()) {
      // The caller vouches for the UTF-8; each of the patterns matches at any position of any text.
      const int status = pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                                     PCRE2_NO_UTF_CHECK, data.get(), nullptr);
      const size_t end = status >= 1 ? pcre2_get_ovector_pointer(data.get())[1] : at;
      if (end <= at) return plain_->split(text.substr(at), sink);
      sink(text.substr(at, end - at));
      at = end;
    }
  }

 private:
  Code code_;
  std::unique_ptr<Splitter> plain_;
};

}  // namespace

std::unique_ptr<Splitter> make_pcre2_splitter(const PretokenizerRules& rules) {
  return std::make_unique<Pcre2Splitter>(rules);
}

}  // namespace paceline
#endif

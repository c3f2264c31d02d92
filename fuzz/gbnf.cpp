// Any grammar, and a text to read with it: refused with Error or compiled within limits; what a mask allows the matcher accepts, and a
// state that can go on has something that may follow or may end.
#include "text/constrain/gbnf.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "text/constrain/token_mask.h"

namespace {

using namespace paceline;
using namespace paceline::constrain;

std::shared_ptr<const ConstraintVocabulary> bytes_vocabulary() {
  std::vector<std::string> words;
  for (int byte = 0; byte < 256; ++byte) words.emplace_back(1, static_cast<char>(byte));
  words.emplace_back("ab"), words.emplace_back("\"a\":"), words.emplace_back();
  const Token end = 258;
  return std::make_shared<const ConstraintVocabulary>(words, std::span(&end, 1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto vocabulary = bytes_vocabulary();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  // The choices come behind the first NUL.
  const size_t cut = std::min(input.find('\0'), size);
  GrammarLimits limits;
  limits.states = 20'000;
  try {
    ConstraintState state(std::make_shared<CompiledConstraint>(parse_gbnf(input.substr(0, cut), limits), vocabulary));
    for (size_t at = cut; at < size; ++at) {
      const std::span<const uint32_t> mask = state.allowed();
      std::vector<Token> choices;
      for (Token token = 0; token < vocabulary->size(); ++token) {
        if (mask[static_cast<size_t>(token) / 32] >> (token % 32) & 1) choices.push_back(token);
      }
      PACELINE_ASSERT(!choices.empty());
      PACELINE_ASSERT(state.accept(choices[data[at] % choices.size()]));
    }
  } catch (const Error&) {
    return 0;
  }
  return 0;
}

#pragma once
// Shared by the tests of constrained output: whole texts against a grammar, and masks found the slow way.
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/constrain/matcher.h"
#include "text/constrain/token_mask.h"

namespace paceline::constrain::testing {

bool matches(Matcher& matcher, std::string_view text);
bool matches(const Grammar& grammar, std::string_view text);

// The message of the Error that `action` throws; "no error" otherwise.
template <class Action>
std::string error_of(Action action) {
  try {
    action();
    return "no error";
  } catch (const Error& error) {
    return error.what();
  }
}

// All bytes, then words of two to twelve bytes with pieces of JSON, UTF-8 cut anywhere, and one end token, the last.
std::vector<std::string> small_words();
std::shared_ptr<const ConstraintVocabulary> small_constraint_vocabulary();

// Each token tried alone, by a matcher of its own.
std::vector<uint32_t> brute_force_mask(const Grammar& grammar, const ConstraintVocabulary& vocabulary,
                                       std::string_view text);

// Random allowed tokens until the end token; every mask on the way is compared with brute force when `check` says so. The text so far
// when `most_tokens` are reached; `ended` says which.
struct Walk {
  std::string text;
  bool ended = false;
};
Walk random_walk(const std::shared_ptr<CompiledConstraint>& constraint, const Grammar& grammar,
                 const ConstraintVocabulary& vocabulary, uint64_t seed, int most_tokens, bool check);

}  // namespace paceline::constrain::testing

#pragma once
// Grammars in llama.cpp's GBNF: rules `name ::= alternatives`, "literals" and [classes] with escapes, `.`, groups, `*`, `+`, `?`, `{m}`,
// `{m,}`, `{m,n}`, # comments; the rule `root` is where text begins. Token references (`<think>`, `<[42]>`), which llama.cpp knows since
// 2025, are refused.
#include <string_view>

#include "text/constrain/grammar.h"

namespace paceline::constrain {

inline constexpr size_t kMostGbnfBytes = size_t{1} << 20;

// Throws Error with line and column for what cannot be read, for undefined and doubly defined rules; without for left recursion and
// grammars past the limits.
Grammar parse_gbnf(std::string_view text, const GrammarLimits& limits = {});
// The same as rules of a grammar that holds more: its root.
GrammarBuilder::Rule add_gbnf(std::string_view text, GrammarBuilder& builder);

}  // namespace paceline::constrain

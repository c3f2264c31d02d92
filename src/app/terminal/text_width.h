#pragma once
// How text fills terminal cells: characters as people see them (Unicode grapheme clusters, UAX #29) and the columns they take, by
// libutf8proc. Any bytes may come in; what is not UTF-8 or cannot be shown gets a visible stand-in, so that width and display agree.
#include <cstddef>
#include <string>
#include <string_view>

namespace paceline {

// The end of the grapheme cluster that starts at `at` / the start of the one that ends at `at`. Both stay within the text.
size_t next_character(std::string_view text, size_t at);
size_t previous_character(std::string_view text, size_t at);

// One grapheme cluster as it is sent to a terminal: no control character survives. A tab is `kTabColumns` blanks.
std::string shown_character(std::string_view character);
// Columns of shown_character(character).
int character_width(std::string_view character);
int text_width(std::string_view text);

inline constexpr int kTabColumns = 4;

}  // namespace paceline

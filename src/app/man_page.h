#pragma once
// The manual page in roff (man(7)), made from the flag and command tables.
#include <string>

namespace paceline {

std::string man_page(const std::string& version);

}  // namespace paceline

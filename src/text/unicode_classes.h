#pragma once
// Which code points are letters (\p{L}), marks (\p{M}), numbers (\p{N}) and white space (\p{White_Space}), Unicode 14: the only
// properties pre-tokenizers ask for. Unassigned code points are Other.
#include <cstdint>

namespace paceline {

enum class UnicodeClass : uint8_t { Other, Letter, Mark, Number, Space };

UnicodeClass unicode_class(uint32_t code_point);

}  // namespace paceline

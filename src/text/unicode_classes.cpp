#include "text/unicode_classes.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace paceline {

namespace {

// A run of one class: its first code point * 8 + the class; ascending.
constexpr uint32_t kRuns[] = {
#include "text/unicode_classes_data.inc"
};

UnicodeClass search(uint32_t code_point) {
  const uint32_t* run = std::upper_bound(std::begin(kRuns), std::end(kRuns), code_point * 8 + 7);
  return static_cast<UnicodeClass>(run[-1] & 7);
}

// Most text lies below this; it is looked up instead of searched.
constexpr uint32_t kTableSize = 0x800;

std::array<UnicodeClass, kTableSize> make_table() {
  std::array<UnicodeClass, kTableSize> table;
  for (uint32_t code_point = 0; code_point < kTableSize; ++code_point) table[code_point] = search(code_point);
  return table;
}

}  // namespace

UnicodeClass unicode_class(uint32_t code_point) {
  static const std::array<UnicodeClass, kTableSize> table = make_table();
  if (code_point < kTableSize) return table[code_point];
  return code_point > 0x10FFFF ? UnicodeClass::Other : search(code_point);
}

}  // namespace paceline

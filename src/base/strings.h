#pragma once
// Text assembly for messages: g++ 12 has no <format>. Floating point prints shortest round-trip.
#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace paceline {

namespace internal {

inline void append(std::string& out, std::string_view text) { out += text; }
inline void append(std::string& out, const char* text) { out += text; }
inline void append(std::string& out, const std::string& text) { out += text; }
inline void append(std::string& out, char character) { out += character; }
inline void append(std::string& out, bool value) { out += value ? "true" : "false"; }

template <class Number>
  requires(std::integral<Number> || std::floating_point<Number>)
void append(std::string& out, Number value) {
  char digits[64];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

}  // namespace internal

// The parts one after the other, without separators.
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::string out;
  (internal::append(out, parts), ...);
  return out;
}

// Of ASCII letters.
bool equal_ignoring_case(std::string_view a, std::string_view b);

// `value` with `digits` digits after the point, e.g. fixed(3.14159, 2) == "3.14".
std::string fixed(double value, int digits);

// A size for people: "15.7 GiB", "312 KiB", "17 B".
std::string human_bytes(uint64_t bytes);

// The entry of `names` closest to `wrong` (edit distance), or "" when none is within a third of its length.
template <class Names>
std::string nearest_name(std::string_view wrong, const Names& names);

int edit_distance(std::string_view a, std::string_view b);

template <class Names>
std::string nearest_name(std::string_view wrong, const Names& names) {
  std::string best;
  int best_distance = static_cast<int>(wrong.size()) / 3 + 2;
  for (const auto& name : names) {
    const int distance = edit_distance(wrong, name);
    if (distance < best_distance) best_distance = distance, best = std::string(name);
  }
  return best;
}

}  // namespace paceline

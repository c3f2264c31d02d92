#pragma once
// Counter-based random numbers: pure functions of their key, so that no result depends on who drew before (docs/numerics.md, rule 1).
#include <cstdint>

namespace paceline {

// The finaliser of splitmix64 (Steele, Lea, Flood 2014): a bijection of 64-bit words that mixes well.
constexpr uint64_t mix64(uint64_t word) {
  word += 0x9e3779b97f4a7c15ull;
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ull;
  word = (word ^ (word >> 27)) * 0x94d049bb133111ebull;
  return word ^ (word >> 31);
}

// One word per (seed, a, b).
constexpr uint64_t random_word(uint64_t seed, uint64_t a, uint64_t b = 0) { return mix64(mix64(mix64(seed) ^ a) ^ b); }

// Uniform in the open interval (0, 1).
constexpr double unit_interval(uint64_t word) { return (static_cast<double>(word >> 12) + 0.5) * 0x1p-52; }

// Standard Gumbel noise of one (seed, position, token), finite.
double gumbel_noise(uint64_t seed, int64_t position, int32_t token);
// No noise is larger: -log(-log(u)) of the largest u.
inline constexpr double kMostGumbelNoise = 36.75;

// A seed nobody chose, for users who gave none (it is printed).
uint64_t system_seed();

}  // namespace paceline

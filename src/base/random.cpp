#include "base/random.h"

#include <cmath>
#include <random>

namespace paceline {

double gumbel_noise(uint64_t seed, int64_t position, int32_t token) {
  const uint64_t word = random_word(seed, static_cast<uint64_t>(position), static_cast<uint64_t>(token));
  return -std::log(-std::log(unit_interval(word)));
}

uint64_t system_seed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32 | device()) >> 11;  // 53 bits: survives JSON and a float on its way
}

}  // namespace paceline

#pragma once
// A hash of the bits of values: equal bits, not equal numbers.
#include <cstdint>
#include <cstring>
#include <span>

#include "base/random.h"

namespace paceline::test {

inline uint64_t hash_bits(std::span<const float> values) {
  uint64_t hash = values.size();
  for (const float value : values) {
    uint32_t word = 0;
    std::memcpy(&word, &value, sizeof word);
    hash = mix64(hash ^ word);
  }
  return hash;
}

}  // namespace paceline::test

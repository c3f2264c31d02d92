#pragma once
// One to four random faults in a valid file; the same number always gives the same mutant.
#include <cstdint>
#include <string>
#include <vector>

#include "gguf/mutation/seeds.h"

namespace paceline::test {

struct Mutant {
  std::string seed, faults, bytes;
};

Mutant make_mutant(const std::vector<Seed>& seeds, uint64_t number);

}  // namespace paceline::test

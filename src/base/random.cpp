#include "base/random.h"

#include <random>

namespace paceline {

uint64_t system_seed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32 | device()) >> 11;  // 53 bits: survives JSON and a float on its way
}

}  // namespace paceline

#pragma once
// Environment variables name folders; none changes behaviour.
#include <cstdlib>
#include <string>

namespace paceline {

// "" when it is not set.
inline std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace paceline

#include "base/error.h"

#include <cstdio>
#include <cstdlib>

namespace paceline {

void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "paceline: internal error: %s is false at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace paceline

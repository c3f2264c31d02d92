#pragma once
// `paceline bench --kernels`: the operations that a step of this model spends its time in, each alone and in place, beside the machine's
// read bandwidth (few rows) or int8 peak (many rows) measured between its runs. Matrices are larger than the caches; times are medians. What is
// done between products takes microseconds, so it is timed several times at once, as a step would do it.
#include <string>
#include <vector>

#include "app/session.h"
#include "base/json.h"

namespace paceline {

struct KernelResult {
  std::string kernel;  // "Q4_K few", "attention at 4096"
  int rows = 0;
  double milliseconds = 0, fastest = 0, slowest = 0;
  double ratio = 0;  // to the kernel's smallest number of rows
  double gb_per_s = 0, bandwidth_share = 0;  // of what must be read; 0 where that is not what limits
  double gop_per_s = 0,
         peak_share =
             0;  // of products and of a prompt's attention; of the int8 peak, 0 for floats and where it is unknown
};

std::vector<KernelResult> measure_kernels(Session& session, int repetitions);

std::string kernels_as_markdown(const std::vector<KernelResult>& results);
Json kernels_as_json(const std::vector<KernelResult>& results);

}  // namespace paceline

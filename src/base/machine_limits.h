#pragma once
// What the machine can do at this moment, with the same threads as the kernels: measured beside every benchmark, because shared machines
// change from minute to minute.
#include <cstdint>
#include <vector>

#include "base/thread_pool.h"

namespace paceline {

class MachineLimits {
 public:
  explicit MachineLimits(int threads);

  // Reads 512 MiB, one stream per thread.
  double read_gb_s();
  // int8 multiply-adds count two; 0 where the machine lacks AVX-512 VNNI.
  double int8_gop_s();

 private:
  ThreadPool pool_;
  std::vector<uint64_t> memory_;
};

}  // namespace paceline

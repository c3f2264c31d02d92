#pragma once
// What the machine can do at this moment, with the same threads as the kernels: measured beside every benchmark, because shared machines
// change from minute to minute. Its threads end with each measurement: waiting ones would stand in the way of those measured next.
#include <cstdint>
#include <memory>

namespace paceline {

class MachineLimits {
 public:
  explicit MachineLimits(int threads);  // 1 or more

  // Reads 512 MiB in large pages, each thread its part as several streams: a stream alone does not keep enough lines under way everywhere.
  double read_gb_s();
  // int8 multiply-adds count two; 0 where the machine lacks AVX-512 VNNI.
  double int8_gop_s();

 private:
  const int threads_;
  struct Free {
    void operator()(uint64_t* memory) const;
  };
  std::unique_ptr<uint64_t[], Free> memory_;
};

}  // namespace paceline

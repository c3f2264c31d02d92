#pragma once
// Times one kernel after another for `paceline bench --kernels`, each between measurements of what limits it.
#include <functional>
#include <string>
#include <vector>

#include "app/bench_kernels.h"
#include "app/bench_runs.h"

namespace paceline {

// Rows of uniform values from -0.5 to 0.5.
OwnedTensor random_tensor(Device& device, int rows, int cols);

// More are a prompt's.
inline constexpr int kMostGenerateRows = 16;

// Calls measure_rows(rows, batch) for each of these numbers of rows of a sequence, the next ones, with `tokens` or what stands for them. A prompt's
// rows stay, the others are taken back.
void for_rows(SequenceState& state, const Tensor& tokens, std::span<const int> row_counts,
              const std::function<void(int rows, const Batch& batch)>& measure_rows);

class KernelTimer {
 public:
  // What must be read and written, where that is what limits; else operations, of int8 or of floats, whose peak is not known.
  struct Cost {
    double bytes = 0, operations = 0;
    bool is_int8 = true;
  };

  KernelTimer(Session& session, int repetitions)
      : device_(*session.device),
        repetitions_(repetitions),
        limits_(session.threads),
        completion_(device_),
        zeros_(device_.allocate(DType::F32, 256, 1024)) {}

  // `work` does what is measured `count` times; times and cost are of once. is_first: further row counts of the kernel are compared with this one.
  void measure(const std::string& kernel, int rows, const Cost& cost, bool is_first, const std::function<void()>& work,
               int count = 1);

  std::vector<KernelResult> results;

 private:
  double limit_of(bool by_bandwidth);  // 0: not known
  // Lets it work for a millisecond on little memory: its threads or its clock may have gone to sleep while the limit was measured.
  void wake_device();

  Device& device_;
  int repetitions_;
  MachineLimits limits_;
  Completion completion_;
  OwnedTensor zeros_;
  double first_seconds_ = 0;
};

// Norms, gates, convolution, rotation, the K/V cache and the choice of tokens: what is done between products.
void measure_small_kernels(Session& session, KernelTimer& timer);

}  // namespace paceline

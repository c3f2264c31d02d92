#include "app/kernel_timer.h"

#include <chrono>

#include "base/random.h"

namespace paceline {

OwnedTensor random_tensor(Device& device, int rows, int cols) {
  OwnedTensor tensor = device.allocate(DType::F32, rows, cols);
  std::vector<float> values(static_cast<size_t>(rows) * static_cast<size_t>(cols));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(unit_interval(random_word(2, i)) - 0.5);
  device.write(tensor, values.data());
  return tensor;
}

void for_rows(SequenceState& state, const Tensor& tokens, std::span<const int> row_counts,
              const std::function<void(int rows, const Batch& batch)>& measure_rows) {
  for (const int rows : row_counts) {
    const Phase phase = rows <= kMostGenerateRows ? Phase::Generate : Phase::Prompt;
    state.begin_step(rows, phase);
    const Segment segment{&state, 0, rows, state.length(), phase};
    measure_rows(rows, {tokens.row_range(0, rows), {&segment, 1}});
    state.commit(phase == Phase::Prompt ? rows : 0);
  }
}

double KernelTimer::limit_of(bool by_bandwidth) {
  if (device_.memory_is_host()) return by_bandwidth ? limits_.read_gb_s() : limits_.int8_gop_s();
  return by_bandwidth ? device_.copy_gb_s() : device_.int8_gop_s();
}

void KernelTimer::wake_device() {
  const auto start = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - start < std::chrono::milliseconds(1)) {
    device_.swiglu(zeros_, zeros_, zeros_);
    completion_.wait();
  }
}

void KernelTimer::measure(const std::string& kernel, int rows, const Cost& cost, bool is_first,
                          const std::function<void()>& work, int count) {
  using Clock = std::chrono::steady_clock;
  const bool by_bandwidth = cost.bytes > 0;
  Samples times, limits;
  work(), work();  // a device may look for what repeats itself
  for (int i = 0; i < repetitions_; ++i) {
    if (by_bandwidth || cost.is_int8) limits.values.push_back(limit_of(by_bandwidth));
    wake_device();
    const auto start = Clock::now();
    work();
    completion_.wait();
    times.values.push_back(std::chrono::duration<double>(Clock::now() - start).count() / count);
  }
  const double seconds = times.median();
  if (is_first) first_seconds_ = seconds;
  KernelResult result{.kernel = kernel, .rows = rows, .milliseconds = seconds * 1e3};
  result.fastest = times.lowest() * 1e3, result.slowest = times.highest() * 1e3;
  result.ratio = seconds / first_seconds_;
  result.gb_per_s = cost.bytes * 1e-9 / seconds;
  result.gop_per_s = cost.operations * 1e-9 / seconds;
  const double limit = limits.values.empty() ? 0 : limits.median();
  if (limit > 0 && by_bandwidth) result.bandwidth_share = result.gb_per_s / limit;
  if (limit > 0 && !by_bandwidth) result.peak_share = result.gop_per_s / limit;
  results.push_back(result);
}

}  // namespace paceline

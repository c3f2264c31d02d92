#pragma once
// The median of the latest few measurements of one thing: a single one may have been interrupted.
#include <algorithm>
#include <array>
#include <cstddef>

namespace paceline {

template <int kKept>
class LatestMedian {
 public:
  void record(double value) {
    latest_[static_cast<size_t>(count_ % kKept)] = value;
    count_ = count_ == 2 * kKept - 1 ? kKept : count_ + 1;  // stays "full" without overflowing
  }
  // Forgets all but the newest `most`.
  void keep(int most) {
    const int count = std::min(this->count(), most);
    std::array<double, kKept> newest{};
    for (int i = 0; i < count; ++i)
      newest[static_cast<size_t>(i)] = latest_[static_cast<size_t>((count_ - count + i) % kKept)];
    latest_ = newest, count_ = count;
  }
  bool known() const { return count_ > 0; }
  int count() const { return std::min(count_, kKept); }
  // Of an even number, the upper one. Only when known.
  double median() const {
    // By insertion: few values, and g++ 12 warns falsely of std::sort on so short an array.
    std::array<double, kKept> sorted{};
    const size_t count = static_cast<size_t>(this->count());
    for (size_t i = 0; i < count; ++i) {
      size_t at = i;
      for (; at > 0 && sorted[at - 1] > latest_[i]; --at) sorted[at] = sorted[at - 1];
      sorted[at] = latest_[i];
    }
    return sorted[count / 2];
  }

 private:
  std::array<double, kKept> latest_{};
  int count_ = 0;
};

}  // namespace paceline

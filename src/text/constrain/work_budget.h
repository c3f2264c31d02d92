#pragma once
// What compiling one form may cost, in steps of its loops: the same on every machine, and the same every time. While a WorkBudget lives,
// what its thread spends counts against it; without one nothing is counted.
#include <cstdint>

namespace paceline::constrain {

class WorkBudget {
 public:
  explicit WorkBudget(uint64_t steps) : left_(steps), outer_(current_) { current_ = this; }
  ~WorkBudget() { current_ = outer_; }
  WorkBudget(const WorkBudget&) = delete;
  WorkBudget& operator=(const WorkBudget&) = delete;

  // Throws Error when nothing is left.
  static void spend(uint64_t steps);

 private:
  static thread_local WorkBudget* current_;
  uint64_t left_;
  WorkBudget* outer_;
};

}  // namespace paceline::constrain

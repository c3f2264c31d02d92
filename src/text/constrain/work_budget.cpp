#include "text/constrain/work_budget.h"

#include "base/error.h"

namespace paceline::constrain {

thread_local WorkBudget* WorkBudget::current_ = nullptr;

void WorkBudget::spend(uint64_t steps) {
  if (current_ == nullptr) return;
  if (steps > current_->left_) fail("too large: this takes too long to compile");
  current_->left_ -= steps;
}

}  // namespace paceline::constrain

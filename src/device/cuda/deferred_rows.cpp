#include "device/cuda/deferred_rows.h"

#include <algorithm>
#include <utility>

#include "device/cuda/context.h"
#include "device/cuda/rotary.h"

namespace paceline::cuda {

void DeferredRows::set(const Tensor& out, RowsMadeBy maker, Start start) {
  settle();
  out_ = out;
  maker_ = maker;
  gate_ = {};
  rotation_.reset();
  start_ = std::move(start);
}

bool DeferredRows::can_encode(const Tensor& x) const {
  return start_ &&
         (maker_ == RowsMadeBy::ShortNorm || maker_ == RowsMadeBy::Attention || maker_ == RowsMadeBy::Other) &&
         fills(x) && out_.cols % kBlockColumns == 0 && x.cols % kGroupColumns == 0 && x.cols % out_.cols == 0;
}

bool DeferredRows::fills(const Tensor& x) const {
  return out_.data == x.data && out_.stride == out_.cols && x.stride == x.cols &&
         int64_t{out_.rows} * out_.cols == int64_t{x.rows} * x.cols;
}

bool DeferredRows::makes(const Tensor& x) const {
  return start_ && out_.data == x.data && out_.stride == x.stride && out_.rows == x.rows && out_.cols == x.cols;
}

void start_or_defer(CudaContext& context, const Tensor& out, RowsMadeBy maker, DeferredRows::Start start) {
  PACELINE_ASSERT(int64_t{out.rows} * out.cols < int64_t{1} << 31);
  if (out.rows == 0) return;
  if (context.step.is_step()) context.deferred.set(out, maker, std::move(start));
  else start({});
}

void DeferredRows::add_gate(const Tensor& gate) {
  gate_ = gate;
  maker_ = RowsMadeBy::Other;
}

void DeferredRows::add_rotation(const RotateTask& rotation) {
  rotation_ = std::make_shared<const RotateTask>(rotation);
  maker_ = RowsMadeBy::TurnedNorm;
}

bool DeferredRows::can_store(const Tensor& k, std::span<const RowRange> rows) const {
  return start_ && maker_ == RowsMadeBy::TurnedNorm && fills(k) && k.cols == rotation_->head_count * out_.cols &&
         std::equal(rows.begin(), rows.end(), rotation_->segments);
}

void DeferredRows::start_with(const RowExtras& extras) {
  RowExtras all = extras;
  all.gate = gate_;
  all.rotation = rotation_.get();
  std::exchange(start_, nullptr)(all);
}

}  // namespace paceline::cuda

#include "device/cuda/step_parameters.h"

#include <algorithm>
#include <cstring>

#include "device/cuda/context.h"

namespace paceline::cuda {

namespace {

constexpr size_t kUsualSequences = 128;  // memory for them is there from the start: growing it would drop graphs

}  // namespace

StepParameters::StepParameters(CudaContext& context) : context_(context), memory_(*context.watch) {
  sequences_.reserve(kUsualSequences), now_.reserve(kUsualSequences), written_.reserve(kUsualSequences);
}

void StepParameters::begin(std::span<const Segment> segments) {
  PACELINE_ASSERT(!is_step_);
  set(segments);
  is_step_ = true;
}

void StepParameters::set(std::span<const Segment> segments) {
  sequences_.clear(), now_.clear();
  end_position_ = 0;
  for (const Segment& segment : segments) {
    end_position_ = std::max(end_position_, segment.first_position + segment.row_count);
    if (std::find(sequences_.begin(), sequences_.end(), segment.state) != sequences_.end()) continue;
    sequences_.push_back(segment.state);
    now_.push_back({segment.first_position, segment.state->replayed(), segment.state->current_record()});
  }
  const size_t bytes = now_.size() * sizeof(SequenceNow);
  if (now_.size() <= written_.size() && std::memcmp(now_.data(), written_.data(), bytes) == 0) return;
  context_.upload(memory_.get<SequenceNow>(std::max(now_.size(), kUsualSequences)), now_.data(), bytes);
  written_ = now_;
}

const SequenceNow* StepParameters::of(const Batch& batch) {
  if (!is_step_) set(batch.segments);
  return memory_.get<SequenceNow>(now_.size());
}

SegmentPlace StepParameters::place(const Segment& segment) const {
  const auto found = std::find(sequences_.begin(), sequences_.end(), segment.state);
  PACELINE_ASSERT(found != sequences_.end());  // a step's operations work on its sequences
  const auto index = found - sequences_.begin();
  const int offset = segment.first_position - now_[static_cast<size_t>(index)].first_position;
  PACELINE_ASSERT(offset >= 0 && segment.first_position + segment.row_count <= end_position_);
  return {static_cast<int>(index), offset};
}

}  // namespace paceline::cuda

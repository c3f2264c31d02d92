#pragma once
// The one place that says what the form of a step is: steps with the same key are the same operations on the same tensors, weights and
// sequences, and differ only in what devices read at every step: first positions, rows to replay, the side of the records. A key is a hash of
// 64 bits: of ten thousand forms two have the same key in one of 10^11 runs.
#include <cstdint>
#include <span>

#include "base/random.h"
#include "device/batch.h"

namespace paceline {

class StepKey {
 public:
  explicit StepKey(std::span<const Segment> segments) {
    for (size_t i = 0; i < segments.size(); ++i) add(segments, segments[i]);
  }

  // What else decides which operations there are, and on what.
  StepKey& with(uint64_t word) {
    hash_ = mix64(hash_ ^ word);
    return *this;
  }
  StepKey& with(int number) { return with(static_cast<uint64_t>(static_cast<unsigned>(number))); }
  StepKey& with(const void* object) { return with(static_cast<uint64_t>(reinterpret_cast<uintptr_t>(object))); }
  StepKey& with(const Tensor& tensor) {
    return with(tensor.data).with(tensor.rows).with(tensor.cols).with(static_cast<uint64_t>(tensor.stride));
  }

  // 0: a part of a prompt, which does not come again.
  uint64_t value() const { return has_prompt_ ? 0 : hash_; }

 private:
  // A sequence may have several segments in a step: how far behind its first one each of them is belongs to the form.
  void add(std::span<const Segment> segments, const Segment& segment) {
    const Segment* first = segments.data();
    while (first->state != segment.state) ++first;
    with(segment.state->memory()).with(segment.first_row).with(segment.row_count);
    with(segment.first_position - first->first_position);
    has_prompt_ |= segment.phase == Phase::Prompt;
  }

  uint64_t hash_ = 0;
  bool has_prompt_ = false;
};

}  // namespace paceline

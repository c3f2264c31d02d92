#pragma once
// One kind of batch: decoding, verifying k drafts and a prompt chunk are all "n rows of a sequence from its position".
#include <span>

#include "device/state.h"

namespace paceline {

struct Segment {
  SequenceState* state = nullptr;
  int first_row = 0, row_count = 0;  // in the batch
  int first_position = 0;            // of the first row, in the sequence
  Phase phase = Phase::Generate;     // only kernels may look at it
};

struct Batch {
  Tensor tokens;  // rows x 1, I32
  std::span<const Segment> segments;  // cover all rows, in order
  int rows() const { return tokens.rows; }
};

// Starts a trunk step of every sequence in the batch; its segment begins where the sequence stands.
inline void begin_steps(const Batch& batch) {
  for (const Segment& segment : batch.segments) {
    PACELINE_ASSERT(segment.first_position == segment.state->length());
    segment.state->begin_step(segment.row_count, segment.phase);
  }
}

}  // namespace paceline

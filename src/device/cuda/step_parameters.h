#pragma once
// What differs between two steps of the same form: where their segments stand. It lies in device memory, written once before a step, so that a
// kernel of a replayed graph finds this step's numbers where the captured step's were. Everything else that a kernel is given is part of the
// form: rows, segments and their states, tensors, row lists of gather_rows.
#include <span>
#include <vector>

#include "device/batch.h"
#include "device/cuda/memory.h"

namespace paceline::cuda {

struct CudaContext;

// Of one sequence in this step.
struct SequenceNow {
  int first_position;  // of its first row in the step
  int replayed;  // rows of the previous record to replay
  int record;  // side of the records that this step writes; it replays the other one
};

// How a kernel finds a segment's numbers: those of its sequence, and how far into the step's rows of that sequence it begins.
struct SegmentPlace {
  int sequence = 0, offset = 0;

  bool operator==(const SegmentPlace&) const = default;

  __device__ int first_position(const SequenceNow* now) const { return now[sequence].first_position + offset; }
};

class StepParameters {
 public:
  explicit StepParameters(CudaContext& context);

  // A step of these segments, until end(): the operations in it work on them, or on parts of them, and nothing is copied for an operation.
  void begin(std::span<const Segment> segments);
  void end() { is_step_ = false; }
  bool is_step() const { return is_step_; }

  // For an operation on the batch: the numbers in device memory. Outside a step they are written for the operation, unless they are there.
  const SequenceNow* of(const Batch& batch);
  // Of a segment of that batch, or of a part of one.
  SegmentPlace place(const Segment& segment) const;
  // The position behind the last one of the step's rows.
  int end_position() const { return end_position_; }

 private:
  void set(std::span<const Segment> segments);

  CudaContext& context_;
  DeviceScratch memory_;
  bool is_step_ = false;
  std::vector<const SequenceState*> sequences_;
  std::vector<SequenceNow> now_, written_;  // for this step; in device memory
  int end_position_ = 0;
};

}  // namespace paceline::cuda

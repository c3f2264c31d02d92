#include "device/state.h"

#include "device/device.h"

namespace paceline {

namespace {

RecurrentMemory make_recurrent(Device& device, const RecurrentShape& shape, int record_rows) {
  PACELINE_ASSERT(shape.conv_channels == (2 * shape.key_head_count + shape.value_head_count) * shape.head_dim);
  RecurrentMemory memory;
  memory.shape = shape;
  memory.state = device.allocate(DType::F32, shape.value_head_count * shape.head_dim, shape.head_dim);
  for (int side = 0; side < 2; ++side) {
    memory.conv[side] = device.allocate(DType::F32, shape.conv_kernel - 1 + record_rows, shape.conv_channels);
    memory.key[side] = device.allocate(DType::F32, record_rows, shape.key_head_count * shape.head_dim);
    memory.delta[side] = device.allocate(DType::F32, record_rows, shape.value_head_count * shape.head_dim);
    memory.decay[side] = device.allocate(DType::F32, record_rows, shape.value_head_count);
  }
  return memory;
}

}  // namespace

SequenceState::SequenceState(Device& device, const StateShape& shape) : device_(device), shape_(shape) {
  PACELINE_ASSERT(shape.max_length >= 1 && shape.max_generate_rows >= 1);
  for (const KvShape& kv : shape.kv) {
    KvCache cache{kv, device.allocate_kv(kv.k_type, shape.max_length, kv),
                  device.allocate_kv(kv.v_type, shape.max_length, kv)};
    kv_.push_back(std::move(cache));
  }
  for (const RecurrentShape& recurrent : shape.recurrent)
    recurrent_.push_back(make_recurrent(device, recurrent, shape.max_generate_rows));
}

void SequenceState::begin_step(int rows, Phase phase) {
  PACELINE_ASSERT(step_rows_ < 0);
  PACELINE_ASSERT(rows >= 1 && length_ + rows <= shape_.max_length);
  PACELINE_ASSERT(phase == Phase::Prompt || rows <= shape_.max_generate_rows);
  step_rows_ = rows;
  step_phase_ = phase;
}

void SequenceState::commit(int rows) {
  PACELINE_ASSERT(step_rows_ >= 0 && rows >= 0 && rows <= step_rows_);
  PACELINE_ASSERT(step_phase_ == Phase::Generate || rows == step_rows_);
  length_ += rows;
  replayed_ = step_phase_ == Phase::Generate ? rows : 0;
  record_ ^= 1;
  step_rows_ = -1;
}

void SequenceState::reset() {
  length_ = 0;
  step_rows_ = -1;
  replayed_ = 0;
  for (RecurrentMemory& memory : recurrent_) {
    device_.clear(memory.state);
    device_.clear(memory.conv[previous_record()]);
  }
}

}  // namespace paceline

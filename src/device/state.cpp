#include "device/state.h"

#include "device/device.h"

namespace paceline {

namespace {

RecurrentMemory make_recurrent(Device& device, const RecurrentShape& shape, int record_rows) {
  PACELINE_ASSERT(shape.conv_channels == (2 * shape.key_head_count + shape.value_head_count) * shape.head_dim);
  RecurrentMemory memory{
      .device = &device, .shape = shape, .state = {}, .conv = {}, .key = {}, .delta = {}, .decay = {}};
  memory.state = device.allocate(DType::F32, shape.value_head_count * shape.head_dim, shape.head_dim);
  for (int side = 0; side < 2; ++side) {
    memory.conv[side] = device.allocate(DType::F32, shape.conv_kernel - 1 + record_rows, shape.conv_channels);
    memory.key[side] = device.allocate(DType::F32, record_rows, shape.key_head_count * shape.head_dim);
    memory.delta[side] = device.allocate(DType::F32, record_rows, shape.value_head_count * shape.head_dim);
    memory.decay[side] = device.allocate(DType::F32, record_rows, shape.value_head_count);
  }
  // The first step reads it before it writes. Memory that was only read so far is the system's one zero page, and each page of it would be
  // replaced while the other threads are told: a tenth of a prompt of 512 at 0.8B.
  device.clear(memory.state);
  return memory;
}

size_t tensor_bytes(const Tensor& tensor) {
  return static_cast<size_t>(tensor.rows) * static_cast<size_t>(tensor.cols) * sizeof(float);
}

// The tensors of a recurrent layer that a snapshot holds, `replayed` rows of the record `side` among them.
template <class Visit>
void visit_recurrent(const RecurrentMemory& memory, int side, int replayed, Visit visit) {
  visit(Tensor(memory.state));
  visit(memory.conv[side].row_range(0, memory.shape.conv_kernel - 1 + replayed));
  visit(memory.key[side].row_range(0, replayed));
  visit(memory.delta[side].row_range(0, replayed));
  visit(memory.decay[side].row_range(0, replayed));
}

uint64_t value_bytes(DType type, uint64_t count) {
  if (type == DType::Q8_0) return count / 32 * 34;
  return count * (type == DType::F16 ? 2 : 4);
}

uint64_t kv_bytes(const KvShape& kv, int max_length) {
  const uint64_t values =
      static_cast<uint64_t>(kv.head_count_kv) * static_cast<uint64_t>(kv.head_dim) * static_cast<uint64_t>(max_length);
  return value_bytes(kv.k_type, values) + value_bytes(kv.v_type, values);
}

uint64_t recurrent_bytes(const RecurrentShape& layer, int record_rows) {
  const uint64_t heads = static_cast<uint64_t>(layer.value_head_count), dim = static_cast<uint64_t>(layer.head_dim);
  const uint64_t record = static_cast<uint64_t>(record_rows);
  const uint64_t columns = static_cast<uint64_t>(layer.conv_kernel) - 1 + record;
  const uint64_t recorded = static_cast<uint64_t>(layer.key_head_count) * dim + heads * dim + heads;
  return sizeof(float) *
         (heads * dim * dim + 2 * columns * static_cast<uint64_t>(layer.conv_channels) + 2 * record * recorded);
}

}  // namespace

StateBytes state_bytes(const StateShape& shape, Device& device) {
  StateBytes bytes;
  const auto part = [&](int layer) -> uint64_t& {
    return device.layer_device(layer).memory_is_host() ? bytes.host : bytes.device;
  };
  for (const KvShape& kv : shape.kv) part(kv.layer) += kv_bytes(kv, shape.max_length);
  for (const RecurrentShape& layer : shape.recurrent)
    part(layer.layer) += recurrent_bytes(layer, shape.max_generate_rows);
  return bytes;
}

SequenceState::SequenceState(Device& device, const StateShape& shape) : shape_(shape) {
  PACELINE_ASSERT(shape.max_length >= 1 && shape.max_generate_rows >= 1);
  for (const KvShape& kv : shape.kv) {
    Device& home = device.layer_device(kv.layer);
    KvCache cache{&home, kv, home.allocate_kv(kv.k_type, shape.max_length, kv),
                  home.allocate_kv(kv.v_type, shape.max_length, kv)};
    kv_.push_back(std::move(cache));
  }
  for (const RecurrentShape& recurrent : shape.recurrent)
    recurrent_.push_back(make_recurrent(device.layer_device(recurrent.layer), recurrent, shape.max_generate_rows));
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
    memory.device->clear(memory.state);
    memory.device->clear(memory.conv[previous_record()]);
  }
}

size_t SequenceState::kv_snapshot_bytes(int first) const {
  size_t bytes = 0;
  for (const KvCache& cache : kv_)
    for (const Tensor& slab : {Tensor(cache.k), Tensor(cache.v)})
      bytes += cache.device->saved_kv_bytes(slab, cache.shape, first, length_ - first);
  return bytes;
}

size_t SequenceState::snapshot_bytes(int first) const {
  size_t bytes = kv_snapshot_bytes(first);
  for (const RecurrentMemory& memory : recurrent_)
    visit_recurrent(memory, previous_record(), replayed_, [&](Tensor tensor) { bytes += tensor_bytes(tensor); });
  return bytes;
}

StateSnapshot SequenceState::snapshot(int first) const {
  PACELINE_ASSERT(step_rows_ < 0 && first >= 0 && first < length_);
  StateSnapshot snapshot;
  snapshot.first = first;
  snapshot.length = length_;
  snapshot.replayed = replayed_;
  snapshot.kv_bytes = kv_snapshot_bytes(first);
  snapshot.recurrent_bytes = snapshot_bytes(first) - snapshot.kv_bytes;
  snapshot.kv = std::make_unique_for_overwrite<std::byte[]>(snapshot.kv_bytes);
  snapshot.recurrent = std::make_unique_for_overwrite<std::byte[]>(snapshot.recurrent_bytes);
  std::byte* to = snapshot.kv.get();
  for (const KvCache& cache : kv_)
    for (const Tensor& slab : {Tensor(cache.k), Tensor(cache.v)}) {
      cache.device->save_kv(to, slab, cache.shape, first, length_ - first);
      to += cache.device->saved_kv_bytes(slab, cache.shape, first, length_ - first);
    }
  to = snapshot.recurrent.get();
  for (const RecurrentMemory& memory : recurrent_)
    visit_recurrent(memory, previous_record(), replayed_, [&](Tensor tensor) {
      memory.device->read(to, tensor);
      to += tensor_bytes(tensor);
    });
  return snapshot;
}

void SequenceState::restore_kv(const StateSnapshot& snapshot) {
  PACELINE_ASSERT(step_rows_ < 0 && snapshot.length <= shape_.max_length);
  const int count = snapshot.length - snapshot.first;
  const std::byte* from = snapshot.kv.get();
  for (const KvCache& cache : kv_)
    for (const Tensor& slab : {Tensor(cache.k), Tensor(cache.v)}) {
      cache.device->restore_kv(slab, cache.shape, from, snapshot.first, count);
      from += cache.device->saved_kv_bytes(slab, cache.shape, snapshot.first, count);
    }
  PACELINE_ASSERT(from == snapshot.kv.get() + snapshot.kv_bytes);
}

void SequenceState::restore_recurrent(const StateSnapshot& snapshot) {
  PACELINE_ASSERT(step_rows_ < 0 && snapshot.length <= shape_.max_length);
  PACELINE_ASSERT(snapshot.replayed <= shape_.max_generate_rows);
  length_ = snapshot.length;
  replayed_ = snapshot.replayed;
  const std::byte* from = snapshot.recurrent.get();
  for (const RecurrentMemory& memory : recurrent_)
    visit_recurrent(memory, previous_record(), replayed_, [&](Tensor tensor) {
      memory.device->write(tensor, from);
      from += tensor_bytes(tensor);
    });
  PACELINE_ASSERT(from == snapshot.recurrent.get() + snapshot.recurrent_bytes);
}

}  // namespace paceline

#pragma once
// What one sequence remembers: K and V of every attention layer, convolution window and delta-rule matrix of every recurrent layer.
//
// Invariants
// 1. Rows [0, length()) are committed. A step computes rows length() … length()+n-1; commit(m), m <= n, keeps the first m.
// 2. KV rows at or beyond length() are garbage; the next step overwrites them.
// 3. Recurrent memory holds committed rows only. A Prompt step updates it in place and must be committed in full. A Generate step
//    leaves it alone and records (k, delta, decay) and the convolution columns of its rows; the next step first replays the committed
//    ones, row by row in order, with the rounding of the forward pass (docs/numerics.md). Records are double-buffered: the
//    step reads `replayed()` rows of the previous record and writes the current one.
// 4. Between begin_step() and commit() the state belongs to that step. If the step throws, the sequence is lost.
//
// The head's own KV cache ("draft cache") is one of `kv`, but its length is the engine's business: draft rows are overwritten by
// the next step, and its positions are given by the segment.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "device/tensor.h"

namespace paceline {

class Device;

struct KvShape {
  int head_count_kv = 0, head_dim = 0;
  DType k_type = DType::F16, v_type = DType::F16;
  int layer = 0;  // the model's block: the memory is that of Device::layer_device(layer)
};

struct RecurrentShape {
  int key_head_count = 0, value_head_count = 0, head_dim = 0;
  int conv_channels = 0;  // 2 * key_head_count * head_dim + value_head_count * head_dim
  int conv_kernel = 4;  // taps
  int layer = 0;  // as in KvShape
};

struct StateShape {
  std::vector<KvShape> kv;  // attention layers in order, draft block last
  std::vector<RecurrentShape> recurrent;  // recurrent layers in order
  int max_length = 0;  // positions the KV slabs can hold
  int max_generate_rows = 1;  // rows of the widest Generate step: 1 + drafts
};

// K and V of one layer: max_length rows of head_count_kv * head_dim values. The layout inside is the device's.
struct KvCache {
  Device* device;
  KvShape shape;
  OwnedTensor k, v;
};

struct RecurrentMemory {
  Device* device;
  RecurrentShape shape;
  OwnedTensor state;  // value_head_count * head_dim rows of head_dim values: S, layout is the device's
  OwnedTensor conv[2];  // (conv_kernel - 1 + max_generate_rows) rows of conv_channels: window, then the step's columns
  OwnedTensor key[2];  // max_generate_rows x key_head_count * head_dim, L2-normalised keys of the recorded rows
  OwnedTensor delta[2];  // max_generate_rows x value_head_count * head_dim
  OwnedTensor decay[2];  // max_generate_rows x value_head_count, exp(g)
};

// A copy of what a sequence remembers at `length`, in ordinary memory: K and V of positions [first, length), and the recurrent memory with
// the rows that were still to be replayed.
struct StateSnapshot {
  int first = 0, length = 0, replayed = 0;
  std::unique_ptr<std::byte[]> kv, recurrent;
  size_t kv_bytes = 0, recurrent_bytes = 0;

  size_t bytes() const { return kv_bytes + recurrent_bytes; }
};

// Memory a state takes when it is full: the host's, and that of devices with their own.
struct StateBytes {
  uint64_t host = 0, device = 0;

  uint64_t all() const { return host + device; }
};
StateBytes state_bytes(const StateShape& shape, Device& device);

enum class Phase { Prompt, Generate };

class SequenceState {
 public:
  // Each layer's memory is on the device that has the layer.
  SequenceState(Device& device, const StateShape& shape);

  const StateShape& shape() const { return shape_; }
  int length() const { return length_; }

  // Called before a trunk step (begin_steps(), batch.h); checks that the rows fit.
  void begin_step(int rows, Phase phase);
  // Ends the step: the first `rows` of its rows have happened.
  void commit(int rows);
  // Back to length 0 with zeroed recurrent memory, keeping the allocations.
  void reset();

  // What restore_kv() and restore_recurrent() put back bit for bit, into this state or one of the same model and record rows. Between steps.
  StateSnapshot snapshot(int first) const;
  size_t snapshot_bytes(int first) const;
  // K and V only. Snapshots that follow each other (each from at most the last one's length on) are restored in that order, then the
  // recurrent memory of the last one, which says where the sequence stands.
  void restore_kv(const StateSnapshot& snapshot);
  void restore_recurrent(const StateSnapshot& snapshot);

  // Tells states apart, also when one has moved to where another was: no two have the same memory.
  const void* memory() const { return kv_.empty() ? recurrent_.front().state.data : kv_.front().k.data; }

  // For devices. Rows of the previous record to replay before this step's rows; also the offset of the conv window in conv().
  int replayed() const { return replayed_; }
  KvCache& kv(int layer) { return kv_[static_cast<size_t>(layer)]; }
  RecurrentMemory& recurrent(int layer) { return recurrent_[static_cast<size_t>(layer)]; }
  int previous_record() const { return record_ ^ 1; }  // index into conv, key, delta, decay: what the last step wrote
  int current_record() const { return record_; }  // what this step writes

 private:
  size_t kv_snapshot_bytes(int first) const;

  StateShape shape_;
  std::vector<KvCache> kv_;
  std::vector<RecurrentMemory> recurrent_;
  int length_ = 0;
  int step_rows_ = -1;  // -1: no step under way
  Phase step_phase_ = Phase::Prompt;
  int replayed_ = 0;
  int record_ = 0;
};

}  // namespace paceline

#pragma once
// The narrow waist: every model is written in these LLM-shaped operations, every device implements them.
//
// The numerics contract (docs/numerics.md), for every operation here: row r of a result depends only on row r of the inputs, on the
// weights, on the state of r's sequence and on its segment's phase; never on other rows, their number, the thread count or the time
// of day. tests/device runs this suite on every device.
//
// Conventions: tensors are rows x cols, F32 unless said otherwise; outputs come first; an output may be the same tensor as an input
// only where "in place" is said. Callers own all tensors; nothing here allocates after load. Shapes are checked (checks.h): a wrong
// shape is our own mistake and aborts.
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/memory_info.h"
#include "device/batch.h"
#include "device/candidates.h"
#include "device/tensor.h"
#include "device/weight.h"

namespace paceline {

// q has head_count heads, K/V head_count_kv; query head h reads kv head h / (head_count / head_count_kv).
struct AttentionShape {
  int head_count = 0, head_count_kv = 0, head_dim = 0;
  float scale = 0;
};

// Partial NEOX rotation: elements (s, s + dims/2) of the first `dims` of a head turn by position * base^(-2s/dims). Spec 4.3.
struct RotaryShape {
  int head_count = 0, head_dim = 0;
  int dims = 0;
  double base = 0;
};

struct ExpertShape {
  int expert_count = 0, used_count = 0;
};

// The four projections of a mixture-of-experts layer; gate and up are {cols = model width}, down is {cols = expert width}.
struct ExpertWeights {
  const Weight* gate = nullptr;
  const Weight* up = nullptr;
  const Weight* down = nullptr;
};

// Spec 5.1: inputs of the recurrence besides q, k, v.
struct DeltaRuleInput {
  Tensor qkv;  // rows x conv_channels, after conv_silu: q | k | v
  Tensor beta;  // rows x value_head_count, before the sigmoid
  Tensor alpha;  // rows x value_head_count
  Tensor a;  // 1 x value_head_count, negative
  Tensor dt;  // 1 x value_head_count
  float eps = 0;  // of the L2 norms
  bool grouped_heads = false;  // value head h uses key head h / r (qwen3next) instead of h mod key_head_count
};

class Device {
 public:
  Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  virtual ~Device() = default;

  // "cpu: 2 threads, avx512-vnni" – for the start line.
  virtual std::string description() const = 0;

  // --- memory ---
  // Zeroed; large tensors touch their pages only when used.
  virtual OwnedTensor allocate(DType dtype, int rows, int cols) = 0;
  // K or V of one layer in this device's layout.
  virtual OwnedTensor allocate_kv(DType dtype, int max_length, const KvShape& shape) = 0;
  // Saved K or V: positions [first, first + count) of a slab as opaque bytes that fit any slab of this device with the same shape and type,
  // whatever its max_length. A device that lays positions out in groups saves whole ones; restoring in rising order mends their edges.
  virtual size_t saved_kv_bytes(const Tensor& slab, const KvShape& shape, int first, int count) const = 0;
  virtual void save_kv(std::byte* to, const Tensor& slab, const KvShape& shape, int first, int count) = 0;
  virtual void restore_kv(const Tensor& slab, const KvShape& shape, const std::byte* from, int first, int count) = 0;
  virtual WeightPtr load(const QuantMatrix& matrix, WeightUse use, int expert_count = 1) = 0;
  // Bytes of memory that load() of it takes; of a device whose memory is the host's, about.
  virtual uint64_t weight_bytes(const QuantMatrix& matrix, WeightUse use, int expert_count) const {
    (void)use, (void)expert_count;
    return matrix.bytes.size();
  }
  virtual void write(Tensor to, const void* values) = 0;  // dense rows from host memory
  virtual void read(void* values, Tensor from) = 0;  // dense rows to host memory
  virtual void clear(Tensor tensor) = 0;
  // Whether Tensor::data may be read by ordinary code between operations.
  virtual bool memory_is_host() const { return true; }
  // Bytes that allocations may still take: the host's, unless the device has its own.
  virtual uint64_t available_bytes() const { return available_memory_bytes(); }
  // What copying a large piece of the device's own memory reaches now, bytes read and bytes written together, in GB/s: what a benchmark
  // compares with. 0: the memory is the host's (base/machine_limits.h), or there are several.
  virtual double copy_gb_s() { return 0; }
  // What the device's int8 products reach now where nothing else limits them, in 10^9 operations a second, a multiply-add counting two. 0: as
  // above.
  virtual double int8_gop_s() { return 0; }
  // out row i = in row rows[i], of F32 or I32; rows is host memory. Not in place.
  virtual void gather_rows(Tensor out, Tensor in, std::span<const int> rows) = 0;

  // Where block `layer` of a model lives: its weights, its part of every sequence's state, its operations. What belongs to no block, the
  // hidden states between blocks of this device, output head and draft block among it, lives on this one. See split_device.h.
  virtual Device& layer_device(int layer) {
    (void)layer;
    return *this;
  }

  // One step of a model: calls `step`, whose operations work on `segments` or parts of them. A device that captures graphs may, when it has seen
  // the key before, replay what it captured then instead of calling it; key: StepKey (step_key.h). So `step` does nothing that outlives it
  // but operations, and neither writes, reads nor allocates tensors.
  virtual void run(uint64_t key, std::span<const Segment> segments, const std::function<void()>& step) {
    (void)key, (void)segments;
    step();
  }

  // Times parts of work that nobody waits for in between. mark() notes when all that was asked for before it is done; when a read() behind two marks
  // has returned, seconds_between_marks() is what passed from the last but one to the last. 0: the device computes while it is called, and a
  // clock will do.
  virtual void mark() {}
  virtual double seconds_between_marks() { return 0; }

  // --- dense ---
  virtual void embed(Tensor out, const Weight& table, Tensor tokens) = 0;
  // out_i = x_i * rsqrt(mean(x^2) + eps) * weight_i; weight is 1 x cols. In place allowed.
  virtual void rms_norm(Tensor out, Tensor x, Tensor weight, float eps) = 0;
  // out_i = W_i x for several weights that share their input.
  virtual void project(std::span<const Tensor> out, Tensor x, std::span<const Weight* const> weights) = 0;
  // out += W x
  virtual void project_add(Tensor out, Tensor x, const Weight& weight) = 0;
  // out = silu(gate) * up. In place with gate allowed.
  virtual void swiglu(Tensor out, Tensor gate, Tensor up) = 0;
  // x *= sigmoid(gate)
  virtual void sigmoid_gate(Tensor x, Tensor gate) = 0;

  // --- attention ---
  // In place; positions are the segments'. x is viewed as heads (Tensor::as_heads): rows * head_count rows of head_dim, any stride.
  virtual void rotate(Tensor x, const Batch& batch, const RotaryShape& shape) = 0;
  // Writes K and V rows of the batch at their positions into kv(layer) of their sequence, in the cache's type.
  virtual void store_kv(const Batch& batch, int layer, Tensor k, Tensor v) = 0;
  // Causal softmax attention of every row over positions 0 … its own, K/V read from the cache only. q is viewed as heads
  // (Tensor::as_heads: rows * head_count rows of head_dim, any stride); out is rows x head_count * head_dim.
  virtual void attention(Tensor out, Tensor q, const Batch& batch, int layer, const AttentionShape& shape) = 0;

  // --- gated delta net ---
  // Causal convolution over (window, columns) with SiLU; weight is conv_channels x conv_kernel, tap 0 oldest. Updates the conv record.
  virtual void conv_silu(Tensor out, Tensor u, const Batch& batch, int layer, Tensor weight) = 0;
  // Replays committed rows, runs this batch's, records (Generate) or stores (Prompt). out: rows x value_head_count * head_dim.
  virtual void delta_rule(Tensor out, const DeltaRuleInput& input, const Batch& batch, int layer) = 0;
  // out = rms_norm(x, weight, eps) * silu(z), per row (callers view heads as rows). In place with x allowed.
  virtual void gated_rms_norm(Tensor out, Tensor x, Tensor weight, Tensor z, float eps) = 0;

  // --- mixture of experts (spec 6) ---
  // Softmax over all experts, the used_count largest (ties: lower id first), renormalised. ids: rows x used I32, shares: rows x used.
  virtual void route(Tensor ids, Tensor shares, Tensor logits, const ExpertShape& shape) = 0;
  // out += sum in rank order of share * down_e(silu(gate_e x) * up_e x). A row's ids are different from each other.
  virtual void project_experts(Tensor out, Tensor x, Tensor ids, Tensor shares, const ExpertWeights& weights) = 0;
  // out += sigmoid(x . gate) * shared; gate is 1 x cols
  virtual void add_shared_expert(Tensor out, Tensor shared, Tensor x, Tensor gate) = 0;

  // --- choosing ---
  // ids: rows x 1 I32; the largest value's index, ties to the lower.
  virtual void argmax(Tensor ids, Tensor logits) = 0;
  // For each row the `count` tokens that rank highest, with what a choice among them needs: out is rows x candidate_words(count) I32 words
  // (candidates.h), count at most kMostCandidates. A column's token is its number, or its row of `ids` (cols x 1 I32, rising) unless that is
  // empty. Larger first, ties to the lower column; -0 equals 0, NaN ranks as -infinity. Where there are fewer columns than count, tokens of -1
  // follow. The sum is 0 where a logit is NaN or the largest is not finite. `rankings`, one for each row, is host memory and is read at once:
  // not an operation for run().
  virtual void list_candidates(Tensor out, Tensor logits, Tensor ids, std::span<const CandidateRanking> rankings) = 0;
  // A draft for each row of `lists`, the result of list_candidates: out is rows x kDraftWords I32 words (candidates.h). Of those listed the ones
  // that top-k, top-p and min-p keep; of these the largest logit / temperature + gumbel_noise(seed, position, token), ties to the lower token.
  // Rough, in f32 where the sampler has doubles: it is a guess, which verification judges. `rules` as `rankings` above.
  virtual void choose_drafts(Tensor out, Tensor lists, std::span<const DraftRule> rules) = 0;
};

struct DeviceOptions {
  std::string kind = "cpu";  // reference | cpu | cuda
  int threads = 0;  // 0: physical cores of the affinity mask; of a cuda device, those that load weights
  std::string isa;  // "" best, or scalar | avx2 | avx_vnni | avx512; of the cpu device
  bool graphs = true;  // of the cuda device: steps that are repeated are replayed as graphs
};

// Throws Error for a kind or instruction set this build or machine lacks, naming what there is.
std::unique_ptr<Device> open_device(const DeviceOptions& options);

// Why a device of kind "cuda" cannot be opened here, "" when it can: the build has none, no driver, no GPU.
std::string cuda_device_missing();
// For people who chose no device: what to do for the GPU to be used, "" where there is no NVIDIA driver. Only looks for a file.
std::string unused_gpu_note();

}  // namespace paceline

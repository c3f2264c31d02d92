#pragma once
// An operation on rows that is started a moment after it was asked for: when it is known what its result is for. If a product takes it, the same
// kernel also writes the rows in the product's form (activations.h); if it is a norm of heads that are then turned and stored as keys, a
// convolution whose q and k the delta rule wants, a choice of experts that are then grouped, or attention that is then gated, one kernel does both.
// A launch is saved, and a way to memory and back. One can be waiting at a time; whatever is queued next settles it first, so that the order of
// the stream is the order of asking.
#include <functional>
#include <memory>
#include <span>

#include "device/cuda/activations.h"
#include "device/tensor.h"

namespace paceline::cuda {

struct CudaContext;
struct DeltaTask;
struct GroupTask;
struct RotateTask;
struct RowRange;
struct StoredHeads;

// What the kernel does beside.
struct RowExtras {
  RowCodes codes = {};
  const RotateTask* rotation = nullptr;  // of a ShortNorm alone
  const StoredHeads* stored = nullptr;  // of one with a rotation
  const DeltaTask* prepare = nullptr;  // of a Convolution alone
  const GroupTask* grouping = nullptr;  // of a Router alone
  Tensor gate = {};  // of Attention alone: rows are multiplied with its sigmoid
};

enum class RowsMadeBy { ShortNorm, TurnedNorm, Convolution, Router, Attention, Other };

class DeferredRows {
 public:
  using Start = std::function<void(const RowExtras&)>;

  // Takes an operation that writes `out`. `start` queues it.
  void set(const Tensor& out, RowsMadeBy maker, Start start);
  // Starts it as it is. For whoever queues something.
  void settle() {
    if (start_) start_with({});
  }
  // Whether what waits can write x as codes: it makes all of x and lies in memory as x does, its rows being x's or parts of them.
  bool can_encode(const Tensor& x) const;
  // Whether what waits makes x, row for row, and is a norm; a convolution; the choice of experts.
  bool can_rotate(const Tensor& x) const { return maker_ == RowsMadeBy::ShortNorm && makes(x); }
  bool can_prepare(const Tensor& x) const { return maker_ == RowsMadeBy::Convolution && makes(x); }
  bool can_group(const Tensor& ids) const { return maker_ == RowsMadeBy::Router && makes(ids); }
  // The gate is not x itself, which is not there yet.
  bool can_gate(const Tensor& x, const Tensor& gate) const {
    return maker_ == RowsMadeBy::Attention && makes(x) && gate.data != x.data;
  }
  // Whether what waits are turned heads, which are the keys k, of these rows.
  bool can_store(const Tensor& k, std::span<const RowRange> rows) const;
  // What waits gets a gate or a rotation, and waits on.
  void add_gate(const Tensor& gate);
  void add_rotation(const RotateTask& rotation);
  // Starts what waits.
  void start_with(const RowExtras& extras);
  // Forgets it: its step has failed.
  void drop() { start_ = nullptr; }

 private:
  bool makes(const Tensor& x) const;
  // Whether it makes the same values, dense in the same place, whatever rows they are seen as.
  bool fills(const Tensor& x) const;

  Tensor out_;
  RowsMadeBy maker_ = RowsMadeBy::Other;
  Start start_;
  Tensor gate_;
  std::shared_ptr<const RotateTask> rotation_;
};

// Inside a step it is put off until it is known what comes next, outside `start` is called.
void start_or_defer(CudaContext& context, const Tensor& out, RowsMadeBy maker, DeferredRows::Start start);

}  // namespace paceline::cuda

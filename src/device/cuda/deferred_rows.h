#pragma once
// An operation on rows that is started a moment after it was asked for: when it is known whether a product takes its result. If one does, the same
// kernel also writes the rows in the product's form (activations.h), and a launch is saved. One can be waiting at a time; whatever is queued next
// settles it first, so that the order of the stream is the order of asking.
#include <functional>
#include <utility>

#include "device/tensor.h"

namespace paceline::cuda {

struct RowCodes;

class DeferredRows {
 public:
  using Start = std::function<void(const RowCodes&)>;

  // Takes an operation that writes `out`, and nothing else. `start` queues it.
  void set(const Tensor& out, Start start);
  // Starts it as it is. For whoever queues something.
  void settle() {
    if (start_) start_now();
  }
  // Whether what waits writes all of x and lies in memory as x does, its rows being x's or parts of them.
  bool makes(const Tensor& x) const;
  // Starts what waits, with the rows to be written as codes too.
  void start_with(const RowCodes& codes) { std::exchange(start_, nullptr)(codes); }
  // Forgets it: its step has failed.
  void drop() { start_ = nullptr; }

 private:
  void start_now();

  Tensor out_;
  Start start_;
};

}  // namespace paceline::cuda

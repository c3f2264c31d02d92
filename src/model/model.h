#pragma once
// A language model as its paper reads: forward, draft head, output head, in calls to a Device. Knows nothing of sampling, drafting or text.
#include <functional>
#include <memory>
#include <string>

#include "device/device.h"
#include "gguf/reader.h"

namespace paceline {

struct ModelFacts {
  std::string architecture;  // "qwen35"
  int trunk_layer_count = 0;  // without the draft block
  int width = 0;  // embedding length
  int vocab_size = 0;
  int context_length = 0;  // trained
  bool has_draft_head = false;
};

struct KvTypes {
  DType k = DType::F16, v = DType::F16;
};

class Model {
 public:
  virtual ~Model() = default;

  virtual const ModelFacts& facts() const = 0;
  // What a sequence of this model must remember. The draft block's K/V are never below q8_0.
  virtual StateShape state_shape(int max_length, int max_generate_rows, KvTypes types) const = 0;

  // One step of the trunk, between the caller's begin_steps(batch) and commit() of each state.
  // hidden: rows x width, the state after the final norm.
  virtual void forward(const Batch& batch, Tensor hidden) = 0;

  // The draft block on rows (token x_p, hidden state h_{p-1}): in, `hidden` is h_{p-1}; out, rows >= full_from hold the block's own
  // normed state. Rows before full_from only leave K and V. A segment's first_position is p-1 of its first row: the label of the
  // hidden state (only relative positions matter; docs/decisions).
  virtual void draft(const Batch& batch, Tensor hidden, int full_from) = 0;

  // out: rows x vocab_size.
  virtual void logits(Tensor out, Tensor hidden) = 0;
  virtual void draft_logits(Tensor out, Tensor hidden) = 0;
  // The matrix behind draft_logits, as in the file: drafting may use a cheaper copy of some of its rows.
  virtual QuantMatrix draft_head() const = 0;
};

struct ModelOptions {
  int max_batch_rows = 512;  // of forward and draft
  // Called with the share of weight bytes loaded, 0 … 1.
  std::function<void(double)> on_progress;
};

// The model of `file`, by its general.architecture. Throws Error naming the architectures there are, the missing or unexpected tensor,
// or the key and shape that do not agree. The file must outlive the model (embedding rows are read from it).
std::unique_ptr<Model> load_model(const GgufFile& file, Device& device, const ModelOptions& options);

}  // namespace paceline

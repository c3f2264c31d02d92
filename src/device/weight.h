#pragma once
// A matrix of the model in the form its device likes: packed by CPU and CUDA, plain in the reference device. Opaque to everyone else.
#include <memory>

#include "quant/format.h"

namespace paceline {

// What a weight is for decides how a device stores it.
enum class WeightUse {
  Project,  // y = W x; packed
  Embed,  // row lookup; stays as in the file
  Experts,  // `expert_count` matrices one below the other, each projected alone; packed
};

class Weight {
 public:
  Weight(QuantType type_, int rows_, int cols_) : type(type_), rows(rows_), cols(cols_) {}
  virtual ~Weight() = default;
  Weight(const Weight&) = delete;
  Weight& operator=(const Weight&) = delete;

  const QuantType type;
  const int rows, cols;  // of one expert when use is Experts
};

using WeightPtr = std::unique_ptr<Weight>;

}  // namespace paceline

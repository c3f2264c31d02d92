#pragma once
// Turns tensors of a file into weights on a device, by name and expected shape. Every tensor of the file must be asked for exactly
// once or more; finish() reports what is left over, so neither a missing nor an unexpected tensor goes unnoticed.
#include <functional>
#include <set>
#include <string>

#include "device/device.h"
#include "gguf/reader.h"

namespace paceline {

class Binder {
 public:
  Binder(const GgufFile& file, Device& device, std::function<void(double)> on_progress);

  // From now on weights go to `device`.
  void place_on(Device& device) { device_ = &device; }
  bool has(const std::string& name) const { return file_.find(name) != nullptr; }
  // The output head's tensor; tied models use the embedding.
  std::string output_name() const { return has("output.weight") ? "output.weight" : "token_embd.weight"; }
  // A matrix of `rows` outputs and `cols` inputs.
  WeightPtr matrix(const std::string& name, int64_t rows, int64_t cols, WeightUse use = WeightUse::Project);
  // The same matrix as it lies in the file, for those who read rows of it.
  QuantMatrix view(const std::string& name, int64_t rows, int64_t cols);
  // `expert_count` matrices of rows x cols.
  WeightPtr experts(const std::string& name, int64_t rows, int64_t cols, int64_t expert_count);
  // F32 values (any float type in the file) as rows x cols; `name` may be 1-D when rows is 1.
  OwnedTensor values(const std::string& name, int64_t rows, int64_t cols);
  OwnedTensor vector(const std::string& name, int64_t cols) { return values(name, 1, cols); }

  // Throws naming the first tensors nobody asked for.
  void finish() const;

 private:
  const GgufTensor& take(const std::string& name, const std::vector<int64_t>& ne);

  const GgufFile& file_;
  Device* device_;
  std::function<void(double)> on_progress_;
  std::set<std::string> taken_;
  uint64_t total_bytes_ = 0, taken_bytes_ = 0;
};

}  // namespace paceline

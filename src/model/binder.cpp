#include "model/binder.h"

#include <limits>

namespace paceline {

namespace {

std::string shape_text(const std::vector<int64_t>& ne) {
  std::string text;
  for (const int64_t extent : ne) text += cat(text.empty() ? "" : "x", extent);
  return text;
}

// {5120, 1} and {5120} are the same shape.
std::vector<int64_t> without_trailing_ones(std::vector<int64_t> ne) {
  while (ne.size() > 1 && ne.back() == 1) ne.pop_back();
  return ne;
}

int checked_int(int64_t value) {
  PACELINE_ASSERT(value >= 1 && value <= std::numeric_limits<int>::max());
  return static_cast<int>(value);
}

}  // namespace

Binder::Binder(const GgufFile& file, Device& device, std::function<void(double)> on_progress)
    : file_(file), device_(&device), on_progress_(std::move(on_progress)) {
  for (const GgufTensor& tensor : file.tensors()) total_bytes_ += tensor.bytes.size();
}

const GgufTensor& Binder::take(const std::string& name, const std::vector<int64_t>& ne) {
  const GgufTensor* tensor = file_.find(name);
  if (tensor == nullptr) fail(file_.path(), ": tensor ", name, " is missing, expected ", shape_text(ne));
  if (without_trailing_ones(tensor->ne) != without_trailing_ones(ne))
    fail(file_.path(), ": ", name, " is ", tensor->shape(), ", expected ", shape_text(ne));
  if (taken_.insert(name).second) taken_bytes_ += tensor->bytes.size();
  if (on_progress_) on_progress_(static_cast<double>(taken_bytes_) / static_cast<double>(total_bytes_));
  return *tensor;
}

QuantMatrix Binder::view(const std::string& name, int64_t rows, int64_t cols) {
  const GgufTensor& tensor = take(name, {cols, rows});
  return {tensor.type, checked_int(rows), checked_int(cols), tensor.bytes};
}

WeightPtr Binder::matrix(const std::string& name, int64_t rows, int64_t cols, WeightUse use) {
  return device_->load(view(name, rows, cols), use);
}

WeightPtr Binder::experts(const std::string& name, int64_t rows, int64_t cols, int64_t expert_count) {
  const GgufTensor& tensor = take(name, {cols, rows, expert_count});
  return device_->load({tensor.type, checked_int(rows * expert_count), checked_int(cols), tensor.bytes},
                       WeightUse::Experts, checked_int(expert_count));
}

OwnedTensor Binder::values(const std::string& name, int64_t rows, int64_t cols) {
  const GgufTensor& tensor = take(name, rows == 1 ? std::vector<int64_t>{cols} : std::vector<int64_t>{cols, rows});
  if (tensor.type != QuantType::F32 && tensor.type != QuantType::F16 && tensor.type != QuantType::BF16)
    fail(file_.path(), ": ", name, " is ", format_info(tensor.type).name, ", expected F32, F16 or BF16");
  std::vector<float> decoded(static_cast<size_t>(rows * cols));
  format_info(tensor.type).decode(tensor.bytes.data(), decoded.data(), decoded.size());
  OwnedTensor out = device_->allocate(DType::F32, checked_int(rows), checked_int(cols));
  device_->write(out, decoded.data());
  return out;
}

void Binder::finish() const {
  std::string left;
  int count = 0;
  for (const GgufTensor& tensor : file_.tensors())
    if (!taken_.contains(tensor.name) && ++count <= 5) left += cat(left.empty() ? "" : ", ", tensor.name);
  if (count > 0)
    fail(file_.path(), ": ", count, " tensors are not part of this architecture: ", left, count > 5 ? ", …" : "",
         "; the file needs a newer paceline or is not what its metadata says");
}

}  // namespace paceline

#pragma once
// Random weights and rows for tests of the CUDA device's products.
#include <vector>

#include "device/cuda/weights.h"
#include "support/random_matrices.h"

namespace paceline::cuda {

using test::random_rows;
using test::Rows;

struct RandomMatrix : test::EncodedMatrix {
  Rows values;  // decoded
};

inline RandomMatrix random_matrix(QuantType type, int rows, int cols) {
  RandomMatrix out{test::encoded(type, random_rows(5, rows, cols)), {}};
  out.values = test::decoded(out.matrix);
  return out;
}

class DeviceRows {
 public:
  DeviceRows(CudaContext& context, int rows, int cols)
      : context_(context),
        memory_(static_cast<size_t>(rows) * static_cast<size_t>(cols) * 4),
        rows_(rows),
        cols_(cols) {}
  Tensor tensor() const { return {memory_.data(), DType::F32, rows_, cols_, cols_}; }
  void write(const Rows& rows) {
    for (size_t r = 0; r < rows.size(); ++r)
      context_.upload(tensor().f32(static_cast<int>(r)), rows[r].data(), rows[r].size() * 4);
  }
  Rows read() const {
    Rows out(static_cast<size_t>(rows_), std::vector<float>(static_cast<size_t>(cols_)));
    const size_t bytes = static_cast<size_t>(cols_) * 4;
    for (size_t r = 0; r < out.size(); ++r)
      context_.download(out[r].data(), tensor().f32(static_cast<int>(r)), bytes, bytes, 1);
    return out;
  }

 private:
  CudaContext& context_;
  DeviceBytes memory_;
  int rows_, cols_;
};

}  // namespace paceline::cuda

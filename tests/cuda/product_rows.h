#pragma once
// Random weights and rows for tests of the CUDA device's products.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "device/cuda/experts.h"
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

// Tests that are set up as those of Base and choose orders of threads: what differs between two is a race.
template <class Base>
class InOrders : public Base {
 protected:
  ~InOrders() override { cuda_emulator::set_order(cuda_emulator::Order::Forward); }
};

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

// What project_experts adds to `base` for the rows of x, each with its share of the experts `chosen`, row after row.
inline Rows with_experts(CudaContext& context, const Rows& base, const Rows& x, const std::vector<int32_t>& chosen,
                         const Rows& shares, const ExpertWeights& weights) {
  const auto rows_like = [&](const Rows& rows) {
    DeviceRows made(context, static_cast<int>(rows.size()), static_cast<int>(rows[0].size()));
    made.write(rows);
    return made;
  };
  const DeviceRows out = rows_like(base), in = rows_like(x), parts = rows_like(shares), ids = rows_like(shares);
  Tensor numbers = ids.tensor();
  numbers.dtype = DType::I32;
  context.upload(numbers.data, chosen.data(), chosen.size() * 4);
  project_experts(context, out.tensor(), in.tensor(), numbers, parts.tensor(), weights);
  return out.read();
}

inline std::string name_of(const testing::TestParamInfo<QuantType>& parameter) {
  return std::string(format_info(parameter.param).name);
}

}  // namespace paceline::cuda

#pragma once
// Random weights and rows for tests of the CUDA device's products.
#include <vector>

#include "base/random.h"
#include "device/cuda/weights.h"

namespace paceline::cuda {

using Rows = std::vector<std::vector<float>>;

inline float random_value(uint64_t seed, uint64_t row, uint64_t column) {
  return static_cast<float>(2 * unit_interval(random_word(seed, row, column)) - 1);
}

inline Rows random_rows(uint64_t seed, int rows, int cols) {
  Rows out(static_cast<size_t>(rows), std::vector<float>(static_cast<size_t>(cols)));
  for (size_t r = 0; r < out.size(); ++r)
    for (size_t c = 0; c < out[r].size(); ++c) out[r][c] = random_value(seed, r, c);
  return out;
}

struct RandomMatrix {
  QuantMatrix matrix;
  std::vector<std::byte> bytes;
  Rows values;  // decoded
};

inline RandomMatrix random_matrix(QuantType type, int rows, int cols) {
  RandomMatrix out;
  const FormatInfo& format = format_info(type);
  const size_t row_size = row_bytes(type, cols);
  out.bytes.resize(row_size * static_cast<size_t>(rows));
  out.values = random_rows(5, rows, cols);
  for (size_t r = 0; r < out.values.size(); ++r) {
    std::byte* at = out.bytes.data() + r * row_size;
    format.encode(out.values[r].data(), at, out.values[r].size());
    format.decode(at, out.values[r].data(), out.values[r].size());
  }
  out.matrix = {type, rows, cols, out.bytes};
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

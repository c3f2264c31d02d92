#pragma once
// Rows of random values, matrices encoded from them in any format, and their way to a device and back. Deterministic.
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/random.h"
#include "device/device.h"

namespace paceline::test {

using Rows = std::vector<std::vector<float>>;

// Roughly normal, standard deviation 1 (four uniforms have a variance of 4/12).
inline float random_value(uint64_t seed, uint64_t row, uint64_t column) {
  double sum = 0;
  for (uint64_t i = 0; i < 4; ++i) sum += unit_interval(random_word(seed, row, column * 4 + i)) - 0.5;
  return static_cast<float>(sum * std::sqrt(3.0));
}

inline Rows random_rows(uint64_t seed, int rows, int cols) {
  Rows out(static_cast<size_t>(rows), std::vector<float>(static_cast<size_t>(cols)));
  for (size_t r = 0; r < out.size(); ++r)
    for (size_t c = 0; c < out[r].size(); ++c) out[r][c] = random_value(seed, r, c);
  return out;
}

// Keeps the bytes alive.
struct EncodedMatrix {
  QuantMatrix matrix;
  std::vector<std::byte> bytes;
};

inline EncodedMatrix encoded(QuantType type, const Rows& rows) {
  EncodedMatrix out;
  const int cols = static_cast<int>(rows[0].size());
  const size_t row_size = row_bytes(type, cols);
  out.bytes.resize(row_size * rows.size());
  for (size_t r = 0; r < rows.size(); ++r)
    format_info(type).encode(rows[r].data(), out.bytes.data() + r * row_size, rows[r].size());
  out.matrix = {type, static_cast<int>(rows.size()), cols, out.bytes};
  return out;
}

inline Rows decoded(const QuantMatrix& matrix) {
  Rows out(static_cast<size_t>(matrix.rows), std::vector<float>(static_cast<size_t>(matrix.cols)));
  for (size_t r = 0; r < out.size(); ++r)
    format_info(matrix.type)
        .decode(matrix.bytes.data() + r * row_bytes(matrix.type, matrix.cols), out[r].data(), out[r].size());
  return out;
}

inline OwnedTensor upload(Device& device, const Rows& rows) {
  std::vector<float> flat;
  for (const auto& row : rows) flat.insert(flat.end(), row.begin(), row.end());
  OwnedTensor tensor = device.allocate(DType::F32, static_cast<int>(rows.size()), static_cast<int>(rows[0].size()));
  device.write(tensor, flat.data());
  return tensor;
}

inline Rows download(Device& device, Tensor tensor) {
  std::vector<float> flat(static_cast<size_t>(tensor.rows) * static_cast<size_t>(tensor.cols));
  device.read(flat.data(), tensor);
  Rows rows;
  for (int row = 0; row < tensor.rows; ++row)
    rows.emplace_back(flat.begin() + row * tensor.cols, flat.begin() + (row + 1) * tensor.cols);
  return rows;
}

}  // namespace paceline::test

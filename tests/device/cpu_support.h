#pragma once
// What the tests of the CPU device share: opening it per instruction set, random matrices of any format, running a product.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "device/device.h"

namespace paceline::cpu_test {

using Rows = std::vector<std::vector<float>>;

inline const char* const kInstructionSets[] = {"scalar", "avx2", "avx512"};

// nullptr where the machine lacks the set.
inline std::unique_ptr<Device> open_if_supported(const std::string& isa, int threads) {
  try {
    return open_device({.kind = "cpu", .threads = threads, .isa = isa});
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("does not have"), std::string::npos) << error.what();
    return nullptr;
  }
}

// One instruction set; says so and skips where the machine lacks it.
class PerInstructionSet : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    device_ = open_if_supported(GetParam(), 2);
    if (!device_) GTEST_SKIP() << "this machine does not have " << GetParam();
  }
  std::unique_ptr<Device> device_;
};

// Roughly normal, standard deviation 1.
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

inline Rows project(Device& device, const Weight& weight, const Rows& x) {
  const OwnedTensor in = upload(device, x), out = device.allocate(DType::F32, in.rows, weight.rows);
  const Tensor outs[] = {out};
  const Weight* weights[] = {&weight};
  device.project(outs, in, weights);
  return download(device, out);
}

inline bool same_bits(const Rows& a, const Rows& b) {
  if (a.size() != b.size()) return false;
  for (size_t r = 0; r < a.size(); ++r)
    if (a[r].size() != b[r].size() || std::memcmp(a[r].data(), b[r].data(), a[r].size() * sizeof(float)) != 0)
      return false;
  return true;
}

// Sum of squared differences over sum of squares.
inline double normalised_error(const Rows& got, const Rows& want) {
  double error = 0, norm = 0;
  for (size_t r = 0; r < want.size(); ++r)
    for (size_t c = 0; c < want[r].size(); ++c) {
      const double a = got[r][c], b = want[r][c];
      error += (a - b) * (a - b);
      norm += b * b;
    }
  return error / norm;
}

}  // namespace paceline::cpu_test

#pragma once
// What the tests of the CPU device share: opening it per instruction set, random matrices of any format, running a product.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "device/device.h"
#include "support/random_matrices.h"

namespace paceline::cpu_test {

using test::decoded;
using test::download;
using test::encoded;
using test::EncodedMatrix;
using test::random_rows;
using test::random_value;
using test::Rows;
using test::upload;

inline const char* const kInstructionSets[] = {"scalar", "avx2", "avx_vnni", "avx512"};

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

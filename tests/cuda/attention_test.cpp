// What tensor cores could spoil in attention (src/device/cuda/attention_halves.cu) and the op suite's values are too tame to show.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "device/cuda/cuda_device.h"
#include "support/random_matrices.h"

namespace paceline::cuda {
namespace {

using test::download;
using test::random_rows;
using test::Rows;
using test::upload;

constexpr int kHeads = 6, kHeadsKv = 1, kDim = 64, kRows = 21;

// All rows of a prompt in one batch; the result's rows.
Rows attend(const Rows& q, const Rows& k, const Rows& v, float scale, DType type) {
  CudaDevice device(1, true);
  StateShape shape;
  shape.kv = {{kHeadsKv, kDim, type, type}};
  shape.max_length = kRows;
  SequenceState state(device, shape);
  const std::vector<Segment> segments = {{&state, 0, kRows, 0}};
  const OwnedTensor tokens = device.allocate(DType::I32, kRows, 1);
  const OwnedTensor queries = upload(device, q), keys = upload(device, k), values = upload(device, v);
  const OwnedTensor out = device.allocate(DType::F32, kRows, kHeads * kDim);
  const Batch batch{tokens, segments};
  state.begin_step(kRows, Phase::Prompt);
  device.store_kv(batch, 0, keys, values);
  device.attention(out, queries.as_heads(kHeads, kDim), batch, 0, {kHeads, kHeadsKv, kDim, scale});
  return download(device, out);
}

const Rows kQueries = random_rows(1, kRows, kHeads* kDim), kKeys = random_rows(2, kRows, kHeadsKv* kDim),
           kValues = random_rows(3, kRows, kHeadsKv* kDim);

// A half has five bits of exponent; queries may be as large and as small as they like.
TEST(Attention, ScalesQueriesThatAHalfCannotHold) {
  const Rows want = attend(kQueries, kKeys, kValues, 0.125f, DType::F16);
  for (const int exponent : {-60, -20, 20, 60}) {
    Rows scaled = kQueries;
    for (auto& row : scaled)
      for (float& value : row) value = std::ldexp(value, exponent);
    EXPECT_EQ(attend(scaled, kKeys, kValues, std::ldexp(0.125f, -exponent), DType::F16), want) << "2^" << exponent;
  }
}

// A row sees none of the rows behind it, whatever is there, though their values are operands of the same product.
TEST(Attention, IsNotTouchedByWhatStandsBehindARow) {
  for (const DType type : {DType::F16, DType::Q8_0}) {
    const Rows want = attend(kQueries, kKeys, kValues, 0.125f, type);
    for (const float wild : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 6e4f}) {
      Rows keys = kKeys, values = kValues;
      keys.back()[3] = wild, values.back()[5] = wild;
      Rows got = attend(kQueries, keys, values, 0.125f, type);
      got.pop_back();
      EXPECT_EQ(got, Rows(want.begin(), want.end() - 1)) << wild;
    }
  }
}

// What a row does see is not hidden.
TEST(Attention, PassesNaNOn) {
  Rows values = kValues;
  values[7][5] = std::numeric_limits<float>::quiet_NaN();
  const Rows got = attend(kQueries, kKeys, values, 0.125f, DType::F16);
  for (size_t row = 0; row < kRows; ++row)
    for (size_t head = 0; head < kHeads; ++head)
      EXPECT_EQ(std::isnan(got[row][head * kDim + 5]), row >= 7) << row << ", " << head;
}

}  // namespace
}  // namespace paceline::cuda

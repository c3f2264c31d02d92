// Products, lookups and loading of the CUDA device on the emulator, below the op suite: each weight format against sums in double of the
// file's values and the activations as quantized.
#include <gtest/gtest.h>

#include <cmath>

#include "cuda/product_rows.h"
#include "device/cuda/embed.h"
#include "device/cuda/matmul.h"

namespace paceline::cuda {
namespace {

// What quantize() makes of a row: codes times scale.
std::vector<float> rounded(const std::vector<float>& x) {
  std::vector<float> out(x.size());
  for (size_t first = 0; first < x.size(); first += 32) {
    float top = 0;
    for (size_t i = first; i < first + 32; ++i) top = std::max(top, std::fabs(x[i]));
    for (size_t i = first; i < first + 32; ++i) out[i] = std::nearbyint(x[i] * (127.0f / top)) * (top / 127.0f);
  }
  return out;
}

class ProductTest : public testing::TestWithParam<QuantType> {
 protected:
  bool is_float() const { return is_float_format(GetParam()); }

  // Weighs the error against the sum of magnitudes: what f32 sums of that many terms may be off.
  void expect_products(const RandomMatrix& weight, const Rows& x, const Rows& base, const Rows& got) const {
    for (size_t r = 0; r < x.size(); ++r) {
      const std::vector<float> row = is_float() ? x[r] : rounded(x[r]);
      for (size_t o = 0; o < weight.values.size(); ++o) {
        double sum = base.empty() ? 0 : static_cast<double>(base[r][o]), magnitude = 1e-3;
        for (size_t c = 0; c < row.size(); ++c) {
          const double term = static_cast<double>(weight.values[o][c]) * static_cast<double>(row[c]);
          sum += term, magnitude += std::fabs(term);
        }
        ASSERT_NEAR(got[r][o], sum, 4e-6 * magnitude)
            << format_info(GetParam()).name << " row " << r << " output " << o;
      }
    }
  }

  CudaContext context_;
  WeightLoader loader_{context_, 2};
};

TEST_P(ProductTest, AreTheSumsOfTheFilesValues) {
  // Some groups for some warps, none for others; outputs that do not fill a panel; rows of one tile, of several, of unfinished ones.
  const int cols = is_float() ? 300 : 1280, outputs = 37;
  const RandomMatrix weight = random_matrix(GetParam(), outputs, cols);
  const WeightPtr loaded = loader_.load(weight.matrix, WeightUse::Project, 1);
  for (const int rows : {1, 8, 11, 43}) {
    const Rows x = random_rows(6, rows, cols), base = random_rows(7, rows, outputs);
    DeviceRows in(context_, rows, cols), out(context_, rows, outputs), sum(context_, rows, outputs);
    in.write(x);
    sum.write(base);
    const Tensor outs[] = {out.tensor()};
    const Weight* weights[] = {loaded.get()};
    project(context_, outs, in.tensor(), weights);
    project_add(context_, sum.tensor(), in.tensor(), static_cast<const CudaWeight&>(*loaded));
    expect_products(weight, x, {}, out.read());
    expect_products(weight, x, base, sum.read());
  }
}

// A half holds 2^-24 to 65,504; rows may be of any size, and each block of 32 columns of another.
TEST_P(ProductTest, FollowTheSizeOfTheirRows) {
  constexpr int kOutputs = 20, kCols = 256;
  const RandomMatrix weight = random_matrix(GetParam(), kOutputs, kCols);
  const WeightPtr loaded = loader_.load(weight.matrix, WeightUse::Project, 1);
  const auto products = [&](int exponent) {
    Rows x = random_rows(6, 3, kCols);
    for (size_t r = 0; r < x.size(); ++r)
      for (float& value : x[r]) value = std::ldexp(value, exponent * static_cast<int>(r));
    DeviceRows in(context_, 3, kCols), out(context_, 3, kOutputs);
    in.write(x);
    const Tensor outs[] = {out.tensor()};
    const Weight* weights[] = {loaded.get()};
    project(context_, outs, in.tensor(), weights);
    return out.read();
  };
  const Rows want = products(0);
  for (const int exponent : {-40, 40}) {
    Rows got = products(exponent);
    for (size_t r = 0; r < got.size(); ++r)
      for (float& value : got[r]) value = std::ldexp(value, -exponent * static_cast<int>(r));
    EXPECT_EQ(got, want) << "2^" << exponent;
  }
}

// Six of the type, more than a launch takes, between others of two types: each gets what it gets alone.
TEST_P(ProductTest, OfSeveralWeightsAtOnceAreThoseOfEachAlone) {
  constexpr int kRows = 3, kCols = 256;
  const QuantType mine = GetParam(), other = mine == QuantType::Q8_0 ? QuantType::Q4_0 : QuantType::Q8_0,
                  plain = mine == QuantType::F32 ? QuantType::F16 : QuantType::F32;
  const QuantType types[] = {mine, other, mine, plain, mine, mine, plain, other, mine, mine};
  DeviceRows in(context_, kRows, kCols);
  in.write(random_rows(9, kRows, kCols));
  std::vector<WeightPtr> loaded;
  std::vector<DeviceRows> together, alone;
  std::vector<Tensor> outs;
  std::vector<const Weight*> weights;
  for (int outputs = 5; const QuantType type : types) {
    const RandomMatrix weight = random_matrix(type, outputs, kCols);
    loaded.push_back(loader_.load(weight.matrix, WeightUse::Project, 1));
    together.emplace_back(context_, kRows, outputs), alone.emplace_back(context_, kRows, outputs);
    outs.push_back(together.back().tensor());
    weights.push_back(loaded.back().get());
    outputs += 9;  // of no panel's size
  }
  project(context_, outs, in.tensor(), weights);
  for (size_t i = 0; i < weights.size(); ++i) {
    const Tensor out = alone[i].tensor();
    project(context_, std::span(&out, 1), in.tensor(), std::span(&weights[i], 1));
    EXPECT_EQ(together[i].read(), alone[i].read()) << "weight " << i;
  }
}

TEST_P(ProductTest, AnUnfinishedGroupOfColumns) {
  const int block = format_info(GetParam()).block_size, cols = block == 1 ? 7 : std::max(block, 96);
  const RandomMatrix weight = random_matrix(GetParam(), 16, cols);
  const WeightPtr loaded = loader_.load(weight.matrix, WeightUse::Project, 1);
  const Rows x = random_rows(8, 3, cols);
  DeviceRows in(context_, 3, cols), out(context_, 3, 16);
  in.write(x);
  const Tensor outs[] = {out.tensor()};
  const Weight* weights[] = {loaded.get()};
  project(context_, outs, in.tensor(), weights);
  expect_products(weight, x, {}, out.read());
}

TEST_P(ProductTest, LookupsAreTheFilesValues) {
  const int cols = 512, rows = 40;
  const RandomMatrix table = random_matrix(GetParam(), rows, cols);
  const WeightPtr loaded = loader_.load(table.matrix, WeightUse::Embed, 1);
  const std::vector<int32_t> tokens = {0, 39, 7, 24, 8};
  const DeviceBytes ids(tokens.size() * 4);
  context_.upload(ids.data(), tokens.data(), tokens.size() * 4);
  const DeviceRows out(context_, 5, cols);
  embed(context_, out.tensor(), static_cast<const CudaWeight&>(*loaded), {ids.data(), DType::I32, 5, 1, 1});
  const Rows got = out.read();
  for (size_t i = 0; i < tokens.size(); ++i)
    ASSERT_EQ(got[i], table.values[static_cast<size_t>(tokens[i])]) << "token " << tokens[i];
}

class FloatProducts : public testing::Test {
 protected:
  Rows products(const RandomMatrix& weight, int outputs, const Rows& x) {
    QuantMatrix matrix = weight.matrix;
    matrix.rows = outputs;
    matrix.bytes = matrix.bytes.first(static_cast<size_t>(outputs) * row_bytes(matrix.type, matrix.cols));
    const WeightPtr loaded = loader_.load(matrix, WeightUse::Project, 1);
    const int rows = static_cast<int>(x.size());
    DeviceRows in(context_, rows, matrix.cols), out(context_, rows, outputs);
    in.write(x);
    const Tensor outs[] = {out.tensor()};
    const Weight* weights[] = {loaded.get()};
    project(context_, outs, in.tensor(), weights);
    return out.read();
  }

  CudaContext context_;
  WeightLoader loader_{context_, 2};
};

// A block makes one output of a small matrix and four of a large one, in the same order.
TEST_F(FloatProducts, DoNotDependOnTheSizeOfTheMatrix) {
  constexpr int kFew = 12, kMany = 160;
  for (const int cols : {1408, 300, 7}) {
    const RandomMatrix weight = random_matrix(QuantType::F32, kMany, cols);
    for (const int rows : {1, 3, 8, 19}) {
      const Rows x = random_rows(6, rows, cols);
      Rows large = products(weight, kMany, x);
      for (auto& row : large) row.resize(kFew);
      EXPECT_EQ(products(weight, kFew, x), large) << rows << " rows of " << cols;
    }
  }
}

// An output head is longer than all extents of a grid but the first.
TEST_F(FloatProducts, OfALongVocabulary) {
  constexpr int kOutputs = 65'536 * 4 + 8;
  const RandomMatrix weight = random_matrix(QuantType::F32, kOutputs, 4);
  const Rows x = random_rows(6, 1, 4), got = products(weight, kOutputs, x);
  for (size_t o = 0; o < kOutputs; ++o) {
    double sum = 0;
    for (size_t c = 0; c < 4; ++c) sum += static_cast<double>(weight.values[o][c]) * static_cast<double>(x[0][c]);
    ASSERT_NEAR(got[0][o], sum, 1e-5) << o;
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, ProductTest, testing::ValuesIn(kAllQuantTypes), name_of);

}  // namespace
}  // namespace paceline::cuda

// Up to four rows, for which a warp takes two shares of the columns at once, have the bits that they have among eight.
#include <gtest/gtest.h>

#include "cuda/product_rows.h"
#include "cuda_emulator/execution.h"
#include "device/cuda/matmul.h"

namespace paceline::cuda {
namespace {

// Shared memory of multiprocessors: warps have two stages, or one.
constexpr size_t kLarge = 1 << 20, kSmall = 0;

class FourRows : public testing::TestWithParam<QuantType> {
 protected:
  // Products of the first rows of eight with two weights side by side, the second one's added to what is there.
  std::vector<Rows> products(int rows, int cols) {
    DeviceRows in(context_, rows, cols);
    Rows x = random_rows(6, 8, cols);
    x.resize(static_cast<size_t>(rows));
    in.write(x);
    const WeightPtr large = loader_.load(random_matrix(GetParam(), 20, cols).matrix, WeightUse::Project, 1),
                    small = loader_.load(random_matrix(GetParam(), 5, cols).matrix, WeightUse::Project, 1);
    const DeviceRows first(context_, rows, 20), second(context_, rows, 5);
    const Tensor outs[] = {first.tensor(), second.tensor()};
    const Weight* weights[] = {large.get(), small.get()};
    project(context_, outs, in.tensor(), weights);
    project_add(context_, second.tensor(), in.tensor(), static_cast<const CudaWeight&>(*small));
    return {first.read(), second.read()};
  }

  // Rows that share an expert and have one of their own: of five the shared one's tile is for the kernel for eight.
  Rows experts(int rows) {
    Rows x = random_rows(6, 5, kWidth), base = random_rows(7, 5, kWidth), shares = random_rows(8, 5, kUsed);
    for (Rows* some : {&x, &base, &shares}) some->resize(static_cast<size_t>(rows));
    std::vector<int32_t> chosen;
    for (int row = 0; row < rows; ++row) chosen.insert(chosen.end(), {row + 1, 0});
    return with_experts(context_, base, x, chosen, shares, {raising_.get(), raising_.get(), lowering_.get()});
  }

  void load_experts() {
    const auto load = [&](int outputs, int cols) {
      return loader_.load(random_matrix(GetParam(), kExperts * outputs, cols).matrix, WeightUse::Experts, kExperts);
    };
    raising_ = load(kInner, kWidth), lowering_ = load(kWidth, kInner);
  }

  static constexpr int kUsed = 2, kExperts = 6, kWidth = 512, kInner = 256;
  CudaContext context_;
  WeightLoader loader_{context_, 2};
  WeightPtr raising_, lowering_;
};

// Groups of 256 columns: two, so that most shares have none; an odd number, whose shares do not go together; enough for shares of two and three.
// Warps have two stages of memory for those or one, by turns.
TEST_P(FourRows, HaveTheBitsOfEight) {
  for (const auto& [groups, counts] : {std::pair{2, std::vector{1, 4}}, {11, {3}}, {20, {1, 2, 3, 4, 5}}}) {
    context_.shared_bytes_per_multiprocessor = kLarge;
    const std::vector<Rows> eight = products(8, 256 * groups);
    for (const int rows : counts) {
      context_.shared_bytes_per_multiprocessor = rows % 2 == 0 ? kLarge : kSmall;
      const std::vector<Rows> few = products(rows, 256 * groups);
      for (size_t weight = 0; weight < few.size(); ++weight)
        for (size_t r = 0; r < few[weight].size(); ++r)
          ASSERT_EQ(few[weight][r], eight[weight][r]) << rows << " rows, " << groups << " groups, weight " << weight;
    }
  }
}

TEST_P(FourRows, OfExpertsHaveTheBitsOfEight) {
  load_experts();
  const Rows eight = experts(5);
  for (const int rows : {1, 4}) {
    const Rows few = experts(rows);
    for (size_t r = 0; r < few.size(); ++r) ASSERT_EQ(few[r], eight[r]) << rows << " rows, row " << r;
  }
}

std::vector<QuantType> quantized_types() {
  std::vector<QuantType> types;
  for (const QuantType type : kAllQuantTypes)
    if (!is_float_format(type)) types.push_back(type);
  return types;
}

INSTANTIATE_TEST_SUITE_P(Formats, FourRows, testing::ValuesIn(quantized_types()), name_of);

using FourRowsInOrders = InOrders<FourRows>;

TEST_P(FourRowsInOrders, HaveTheSameBits) {
  const std::vector<Rows> forward = products(3, 5120);
  for (const size_t shared_bytes : {kLarge, kSmall})
    for (const auto order : {cuda_emulator::Order::Reverse, cuda_emulator::Order::Shuffled}) {
      context_.shared_bytes_per_multiprocessor = shared_bytes;
      cuda_emulator::set_order(order);
      EXPECT_EQ(products(3, 5120), forward);
    }
}

INSTANTIATE_TEST_SUITE_P(Formats, FourRowsInOrders, testing::Values(QuantType::Q4_K, QuantType::Q6_K, QuantType::Q8_0),
                         name_of);

}  // namespace
}  // namespace paceline::cuda
